"""What the image holds is enough: its files alone, with its environment and commands, serve and say that they do.

No engine runs here, so the image's directory is made from `.dockerignore`, and the commands of `Dockerfile` and
`docker-compose.yml` are run in it with the variables that a container would have.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from csms.embedded.ports import any_free
from csms.embedded.process import Process
from csms.embedded.stack import Stack
from tests.deploy.test_docker import ROOT, SECRETS, compose, dockerfile

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with what `COPY . .` copies."""
    patterns = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    let_through = [line[1:] for line in patterns if line.startswith("!")]
    inside = [line.removeprefix("**/") for line in patterns if line.startswith("**/")]
    directory = tmp_path_factory.mktemp("app")
    for name in let_through:
        if (ROOT / name).is_dir():
            ignore = shutil.ignore_patterns(*inside)
            shutil.copytree(ROOT / name, directory / name, ignore=ignore)
        else:
            shutil.copy(ROOT / name, directory / name)
    assert not [path for path in directory.rglob("*") if any(fnmatch(path.name, one) for one in inside)]
    return directory


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """Return the services as compose understands them."""
    done = compose("--profile", "playground", "config", environment=SECRETS)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = yaml.safe_load(done.stdout)
    found: dict[str, Any] = document["services"]
    return found


@pytest.fixture(scope="module")
def environment(services: dict[str, Any], embedded_stack: Stack) -> dict[str, str]:
    """Return what a container of the product sees, with the servers of the test run in place of those in containers."""
    name = f"image{secrets.token_hex(4)}"
    variables = " ".join(value for instruction, value in dockerfile() if instruction == "ENV")
    return {
        # `python` is the interpreter that has the packages of requirements/base.txt.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        **dict(word.split("=", 1) for word in shlex.split(variables)),
        **{key: str(value) for key, value in services["csms"]["environment"].items()},
        **embedded_stack.environment(),
        "HTTP_PORT": str(any_free()),
        "MONGODB_GLOBAL_DATABASE": name,
        "MONGODB_TENANT_PREFIX": f"{name}_",
        "REDIS_STATE_PREFIX": name,
    }


@pytest.fixture(scope="module")
def migrated(image: Path, services: dict[str, Any], environment: dict[str, str]) -> set[Path]:
    """Run the service `migrate` to its end; return the files of the image as they were before."""
    before = set(image.rglob("*"))
    done = subprocess.run(
        entrypoint(services["migrate"]),
        cwd=image,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return before


def entrypoint(service: dict[str, Any]) -> list[str]:
    """Return a service's own entry point; the two versions of compose print it differently."""
    words = service["entrypoint"]
    return list(words) if isinstance(words, list) else shlex.split(words)


def service(name: str, image: Path, services: dict[str, Any], environment: dict[str, str], directory: Path) -> Process:
    """Return a service's process as the engine would start it."""
    program = json.loads(dict(dockerfile())["ENTRYPOINT"])
    command = [sys.executable, *program[1:], *services[name]["command"]]
    return Process(name, command, directory / f"{name}.log", environment=environment, directory=image)


def healthy(environment: dict[str, str]) -> bool:
    """Run the image's health check."""
    command = json.loads(re.sub(r"^.*?CMD\s+", "", dict(dockerfile())["HEALTHCHECK"]))
    done = subprocess.run(command, env=environment, capture_output=True, timeout=20, check=False)
    return done.returncode == 0


def test_the_product_runs_from_the_image_alone(
    migrated: set[Path], image: Path, services: dict[str, Any], environment: dict[str, str], tmp_path: Path
) -> None:
    csms = service("csms", image, services, environment, tmp_path)
    publisher = service("publisher", image, services, environment, tmp_path)
    assert not healthy(environment), "nothing runs yet"
    for process in (csms, publisher):
        process.start()
    try:
        csms.wait_ready(lambda: healthy(environment), 60)
        assert publisher.running, publisher.with_log(publisher.ending)
        simulate_for_a_moment(image, services, environment, tmp_path)
    finally:
        grace = float(re.sub(r"\D*(\d+)s$", r"\1", services["csms"]["stop_grace_period"]))
        in_time = [process.stop(grace) for process in (publisher, csms)]
    assert all(in_time)
    assert csms.succeeded, csms.with_log(csms.ending)
    assert publisher.succeeded, publisher.with_log(publisher.ending)
    assert set(image.rglob("*")) == migrated, "its user may not write there"


def simulate_for_a_moment(image: Path, services: dict[str, Any], environment: dict[str, str], tmp_path: Path) -> None:
    """Run the service `fleet` until a station of it has booted."""
    script = entrypoint(services["fleet"])[-1]
    port = dict(dockerfile())["EXPOSE"]
    assert f"--url ws://csms:{port}" in script
    here = script.replace(f"ws://csms:{port}", f"ws://127.0.0.1:{environment['HTTP_PORT']}")
    here = here.replace("/tmp/", f"{tmp_path}/")
    fleet = Process("fleet", ["sh", "-c", here], tmp_path / "fleet.log", environment=environment, directory=image)
    fleet.start()
    try:
        assert any("booted" in line for line in fleet.lines()), fleet.with_log(fleet.ending)
    finally:
        fleet.stop()


def test_production_refuses_to_start_with_a_short_secret(
    image: Path, services: dict[str, Any], environment: dict[str, str], tmp_path: Path
) -> None:
    csms = service("csms", image, services, environment | {"SECRET_KEY": "short"}, tmp_path)
    csms.start()
    assert csms.wait_exit(60)
    assert not csms.succeeded
    assert "SECRET_KEY is missing or shorter than 32 characters" in "\n".join(csms.log_tail())
