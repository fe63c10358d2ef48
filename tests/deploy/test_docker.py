"""The container files: no engine runs them here, so they are parsed, linted and compared with the product."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from csms.env import DECLARED

ROOT = Path(__file__).resolve().parents[2]
SECRETS = {"SECRET_KEY": "s" * 32, "JWT_SECRET": "j" * 32}


def compose_command() -> list[str]:
    """Return the compose program of this machine: the plugin where it is installed, else the older program."""
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if shutil.which("docker"):
        return ["docker", "compose"]
    if os.environ.get("CI"):
        pytest.fail("docker-compose is missing: .ci/run installs it")
    pytest.skip("install docker-compose (a Debian package) to have docker-compose.yml parsed")


def compose(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [*compose_command(), "--project-directory", str(ROOT), "-f", str(ROOT / "docker-compose.yml"), *arguments]
    clean = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")} | environment
    return subprocess.run(command, capture_output=True, text=True, env=clean, check=False, cwd=ROOT)


@pytest.fixture(scope="module")
def parsed() -> dict[str, Any]:
    """Return docker-compose.yml as compose itself understands it, with every profile."""
    done = compose("--profile", "playground", "config", environment=SECRETS)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = yaml.safe_load(done.stdout)
    return document


def dockerfile() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1].strip()) for line in lines]


@pytest.mark.parametrize("missing", sorted(SECRETS))
def test_compose_refuses_to_start_without_a_secret_and_says_which(missing: str) -> None:
    done = compose("config", environment={name: value for name, value in SECRETS.items() if name != missing})
    assert done.returncode != 0
    assert f"set {missing} in .env" in done.stderr


def test_the_example_environment_is_complete_and_has_no_secret() -> None:
    example = dict(
        line.split("=", 1)
        for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    )
    used = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
    assert set(example) == used - {"CSMS_VERSION"}
    assert {name for name, value in example.items() if not value} == set(SECRETS)


def test_every_variable_is_one_the_product_reads(parsed: dict[str, Any]) -> None:
    for name in ("csms", "publisher", "migrate", "playground"):
        assert set(parsed["services"][name]["environment"]) <= set(DECLARED)


def test_every_command_exists(parsed: dict[str, Any]) -> None:
    known = get_commands()
    for name in ("csms", "publisher", "playground"):
        assert parsed["services"][name]["command"][0] in known
    entrypoint = parsed["services"]["migrate"]["entrypoint"]
    text = " ".join(entrypoint) if isinstance(entrypoint, list) else entrypoint
    assert set(re.findall(r"manage\.py (\w+)", text)) == {"migrate", "migrate_tenants"} <= set(known)


def test_instances_can_be_added_because_only_the_proxy_publishes_their_port(parsed: dict[str, Any]) -> None:
    published = {name for name, service in parsed["services"].items() if service.get("ports")}
    assert published == {"proxy", "mosquitto"}
    assert "container_name" not in parsed["services"]["csms"]
    assert "CSMS_INSTANCE_ID" not in parsed["services"]["csms"]["environment"], "each instance has an id of its own"


def test_a_drain_has_its_time(parsed: dict[str, Any]) -> None:
    assert parsed["services"]["csms"]["stop_grace_period"] in ("35s", "0h0m35s")


def test_the_proxy_passes_sockets_on_and_outlasts_pings_and_waits(parsed: dict[str, Any]) -> None:
    text = (ROOT / "deploy/nginx/csms.conf").read_text(encoding="utf-8")
    assert "proxy_set_header Upgrade $http_upgrade;" in text
    port = dict(dockerfile())["EXPOSE"]
    assert f"set $csms http://csms:{port};" in text
    ocpp, rest = text.split("location / {")
    [socket_seconds] = re.findall(r"proxy_read_timeout (\d+)s", ocpp)
    [wait_seconds] = re.findall(r"proxy_read_timeout (\d+)s", rest)
    ping = float(DECLARED["OCPP_PING_INTERVAL"].default.rstrip("s")) if DECLARED["OCPP_PING_INTERVAL"].default else 0
    assert int(socket_seconds) > 2 * ping > 0
    assert int(wait_seconds) > 60


def test_the_image_runs_as_nobody_special_and_ends_in_manage_py() -> None:
    instructions = dockerfile()
    names = [name for name, _ in instructions]
    assert names[0] == "FROM"
    assert set(names) <= {
        "FROM", "ENV", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "HEALTHCHECK", "STOPSIGNAL", "ENTRYPOINT", "CMD"
    }  # fmt: skip
    assert dict(instructions)["USER"] != "root"
    assert names.index("USER") > max(position for position, name in enumerate(names) if name == "RUN")
    assert dict(instructions)["ENTRYPOINT"] == '["python", "manage.py"]'
    assert dict(instructions)["CMD"] == '["serve"]'


def test_what_the_image_copies_exists_and_is_let_through() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_through = {line[1:] for line in ignored if line.startswith("!")}
    assert all((ROOT / name).exists() for name in let_through)
    apps = {path.parent.name for path in ROOT.glob("*/apps.py")}
    assert apps | {"csms", "manage.py", "requirements"} == let_through
