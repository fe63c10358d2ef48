"""`make run` as a person or a tool sees it: what it prints and writes, what survives, what it leaves."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from csms.embedded.ports import any_free
from csms.embedded.program import ROOT
from tests.embedded.test_process import ends_within

DEADLINE = 90.0

pytestmark = pytest.mark.slow


class Terminal:
    """A playground started in a terminal of its own."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        self.port = port
        self.command = [sys.executable, "-m", "csms.embedded", "--directory", str(directory)]
        self.environment = {**os.environ, "HTTP_PORT": str(port), "SIMULATE": "1", "INSTANCES": "1"}
        self.shown: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._run: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start and return when everything is up and the last line of the welcome is shown."""
        self._run = subprocess.Popen(
            self.command,
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines = queue.Queue()
        threading.Thread(target=self._read, args=[self._run, self._lines], daemon=True).start()
        self.wait_for("Logs: ")

    @staticmethod
    def _read(run: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
        assert run.stdout is not None
        with run.stdout:
            for line in run.stdout:
                lines.put(line.rstrip("\n"))
        lines.put(None)

    def wait_for(self, text: str) -> str:
        """Return the next line that holds `text`."""
        while True:
            line = self._lines.get(timeout=DEADLINE)
            assert line is not None, "it has ended:\n" + "\n".join(self.shown)
            self.shown.append(line)
            if text in line:
                return line

    def end(self, number: signal.Signals) -> int:
        """Send a signal; return the exit code."""
        assert self._run is not None
        self._run.send_signal(number)
        return self._run.wait(DEADLINE)

    @property
    def run_file(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.directory / "run.json").read_text())
        return content

    def health(self) -> int:
        with urllib.request.urlopen(f"{self.run_file['http'][0]}/healthz", timeout=10) as answer:
            return int(answer.status)


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path_factory.mktemp("playground") / "data", any_free())
    terminal.start()
    yield terminal
    if (terminal.directory / "run.json").exists():
        terminal.end(signal.SIGTERM)


def test_run_json_tells_tools_what_runs_where(terminal: Terminal) -> None:
    content = terminal.run_file
    assert content["http"] == [f"http://127.0.0.1:{terminal.port}"]
    assert content.keys() == {"http", "mqtt", "mongodb", "redis", "pids"}
    assert content["pids"].keys() == {"csms", "publisher", "simulator", "mongodb", "redis", "mqtt"}
    assert not [name for name, pid in content["pids"].items() if ends_within(pid, 0)]
    assert terminal.health() == 200


def test_the_log_ins_are_kept_for_their_owner_only(terminal: Terminal) -> None:
    path = terminal.directory / "playground.json"
    assert path.stat().st_mode & 0o777 == 0o600
    users = [user for tenant in json.loads(path.read_text())["tenants"] for user in tenant["users"]]
    shown = "\n".join(terminal.shown)
    assert users
    assert all(user["username"] in shown and user["password"] in shown for user in users)


def test_the_curl_it_prints_works_as_pasted(terminal: Terminal) -> None:
    first = next(number for number, line in enumerate(terminal.shown) if "TOKEN=" in line)
    pasted = "\n".join(terminal.shown[first : first + 2])
    answer = subprocess.run(["bash", "-c", pasted], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(answer.stdout)["results"]


def test_a_second_start_is_refused_in_one_line(terminal: Terminal) -> None:
    second = subprocess.run(
        terminal.command, cwd=ROOT, env=terminal.environment, capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert second.stdout == ""
    assert second.stderr.startswith("it runs already (pid ")
    assert second.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["csms", "publisher", "mqtt", "redis", "mongodb"])
def test_what_is_killed_comes_back_on_its_port(terminal: Terminal, name: str) -> None:
    before = terminal.run_file
    os.kill(before["pids"][name], signal.SIGKILL)
    terminal.wait_for(f"{name} runs again")
    after = terminal.run_file
    assert after["pids"][name] != before["pids"][name]
    assert {**after, "pids": {}} == {**before, "pids": {}}
    assert terminal.health() == 200


def test_a_stop_ends_all_it_started_and_a_new_start_finds_its_data(terminal: Terminal) -> None:
    before = json.loads((terminal.directory / "playground.json").read_text())
    pids = terminal.run_file["pids"]
    assert terminal.end(signal.SIGTERM) == 0
    assert not (terminal.directory / "run.json").exists()
    assert all(ends_within(pid, 0) for pid in pids.values())

    terminal.start()
    after = json.loads((terminal.directory / "playground.json").read_text())
    assert [tenant["stations"] for tenant in after["tenants"]] == [tenant["stations"] for tenant in before["tenants"]]


def test_nothing_outlives_a_playground_that_is_killed(terminal: Terminal) -> None:
    pids = terminal.run_file["pids"]
    terminal.end(signal.SIGKILL)
    assert all(ends_within(pid, DEADLINE) for pid in pids.values())

    terminal.start()  # the stale run.json is no obstacle
    assert terminal.end(signal.SIGINT) == 0
