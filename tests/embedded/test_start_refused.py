"""A start that cannot work is refused with one line that says the way out."""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from csms.embedded import machine
from csms.embedded.claim import claimed, read_run_file, run_file, write_private
from csms.embedded.keys import signing_keys
from csms.embedded.playground import Wishes
from csms.embedded.ports import any_free, first_free, is_free
from csms.embedded.program import ROOT
from csms.embedded.stack import Stack


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_taken_http_port_names_another(tmp_path: Path, address: str) -> None:
    with socket.socket() as other:
        other.bind((address, 0))
        other.listen()
        port = other.getsockname()[1]
        run = subprocess.run(
            [sys.executable, "-m", "csms.embedded", "--directory", str(tmp_path / "data")],
            cwd=ROOT,
            env={**os.environ, "HTTP_PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert run.returncode == 1
    assert run.stderr == (
        f"port {port} is taken by another program; choose another with `make run HTTP_PORT={port + 1}`\n"
    )


def test_an_unsupported_platform_is_sent_to_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(machine.Refused, match=r"need Linux on x86-64, this is Linux on aarch64: .*docker compose up"):
        machine.check_platform()


def test_a_missing_library_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "mongod_on_path", lambda: None)
    monkeypatch.setattr(machine, "_MONGOD_LIBRARIES", {"libnothing.so.4": "libnothing4", "libc.so.6": "libc6"})
    with pytest.raises(machine.Refused, match=r"sudo apt-get install libnothing4 \("):
        machine.check_libraries()


def test_an_installed_mongod_needs_no_library_of_the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "mongod_on_path", lambda: "/usr/bin/mongod")
    monkeypatch.setattr(machine, "_MONGOD_LIBRARIES", {"libnothing.so.4": "libnothing4"})
    machine.check_libraries()


@pytest.mark.parametrize("text", ["eighty", "0", "65536", "-1", "8081.5", "٨٠٨١"])
def test_a_wrong_number_is_named(text: str) -> None:
    with pytest.raises(machine.Refused, match=r"HTTP_PORT=.* is not a whole number from 1 to 65535"):
        Wishes.from_environment({"HTTP_PORT": text})


def test_wishes_have_defaults() -> None:
    assert Wishes.from_environment({"SIMULATE": "0", "INSTANCES": ""}) == Wishes(8081, 1, 0)


def test_the_next_free_port_is_taken(embedded_stack: Stack) -> None:
    taken = embedded_stack.redis.port
    assert not is_free(taken)
    assert first_free(taken) > taken
    assert is_free(any_free())


def test_a_second_start_says_where_the_first_runs(tmp_path: Path) -> None:
    with claimed(tmp_path):
        write_private(run_file(tmp_path), json.dumps({"http": ["http://127.0.0.1:8081"], "pids": {}}))
        with pytest.raises(machine.Refused) as refusal, claimed(tmp_path):
            pass
    pid = os.getpid()
    assert str(refusal.value) == (
        f"it runs already (pid {pid}): http://127.0.0.1:8081; stop it with Ctrl-C there, or with: kill {pid}"
    )


def test_a_stale_run_file_is_no_obstacle_even_if_its_pids_are_in_use_again(tmp_path: Path) -> None:
    write_private(run_file(tmp_path), json.dumps({"http": [], "pids": {"mongodb": os.getpid()}}))
    with claimed(tmp_path):
        assert read_run_file(tmp_path) == {}


CLAIMER = """
import sys
from pathlib import Path
from csms.embedded.claim import claimed
with claimed(Path(sys.argv[1])):
    print("claimed", flush=True)
"""


def test_servers_of_a_dead_playground_are_waited_for(tmp_path: Path) -> None:
    ending = "import sys; sys.stdin.read()"  # a server that still writes its data until we let it end
    server = subprocess.Popen([sys.executable, "-c", ending], cwd=tmp_path, stdin=subprocess.PIPE)
    write_private(run_file(tmp_path), json.dumps({"pids": {"mongodb": server.pid}}))
    command = [sys.executable, "-c", CLAIMER, str(tmp_path)]
    claimer = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with pytest.raises(subprocess.TimeoutExpired):
        claimer.wait(0.5)
    server.communicate()
    assert claimer.communicate(timeout=10)[0] == "claimed\n"


def test_secrets_are_made_once_and_only_for_their_owner(tmp_path: Path) -> None:
    keys = signing_keys(tmp_path)
    assert signing_keys(tmp_path) == keys
    assert len(keys["SECRET_KEY"]) >= 32
    assert keys["SECRET_KEY"] != keys["JWT_SECRET"]
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
