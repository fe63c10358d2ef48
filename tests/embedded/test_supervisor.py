"""A dead process is started again: at once the first time, then after growing pauses."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from csms.embedded.process import Process
from csms.embedded.supervisor import Supervisor, _Watched
from tests.embedded.private_servers import PrivateServers

DEADLINE = 20.0


class Worker:
    """A service that is ready as soon as it runs."""

    def __init__(self, script: str, log: Path) -> None:
        self.name = "worker"
        self.process = Process(self.name, [sys.executable, "-c", script], log)

    def launch(self) -> None:
        self.process.start()

    def is_ready(self) -> bool:
        return self.process.running


def look_until(supervisor: Supervisor, said: list[str], text: str) -> None:
    """Let the supervisor work until it says `text`."""
    end = time.monotonic() + DEADLINE
    while not any(text in line for line in said):
        assert time.monotonic() < end, said
        supervisor.look()


def test_a_killed_broker_serves_again_on_its_port(private_servers: PrivateServers) -> None:
    broker = private_servers.mqtt()
    said: list[str] = []
    pids: list[int] = []
    supervisor = Supervisor([broker], said.append, lambda: pids.append(broker.pid))
    before = broker.pid
    broker.process.kill()
    look_until(supervisor, said, "runs again")
    assert broker.is_ready()
    assert broker.pid != before
    assert pids == [broker.pid]
    assert said == [
        f"mqtt (pid {before}) was ended by signal 9 (Killed)",
        "starting mqtt again now",
        f"mqtt runs again, as pid {broker.pid}",
    ]


def test_a_process_that_keeps_dying_is_not_started_in_a_tight_loop(tmp_path: Path) -> None:
    worker = Worker("print('out of luck'); exit(1)", tmp_path / "log")
    worker.launch()
    worker.process.wait_exit(DEADLINE)
    said: list[str] = []
    supervisor = Supervisor([worker], said.append, lambda: None)
    look_until(supervisor, said, "again in 1 s")
    assert any("out of luck" in line for line in said)
    assert said.count("starting worker again now") == 1


def test_a_port_taken_meanwhile_is_told_and_tried_again_later(private_servers: PrivateServers) -> None:
    broker, other = private_servers.mqtt(), private_servers.redis()
    said: list[str] = []
    supervisor = Supervisor([broker], said.append, lambda: None)
    broker.process.kill()
    broker.port = other.port
    look_until(supervisor, said, f"port {other.port} for mqtt is taken by another program; trying again in 1 s")


def test_pauses_grow_and_are_forgiven_after_a_stable_time(tmp_path: Path) -> None:
    watched = _Watched(Worker("", tmp_path / "log"), since=1000.0)
    assert [watched.note_death(1000.0) for _ in range(8)] == [0, 1, 2, 4, 8, 16, 30, 30]
    assert watched.note_death(1031.0) == 0
