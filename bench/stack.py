"""Everything a run needs besides the load: databases, tenants, publisher, and the servers to be measured.

The server that is measured has one core for itself. MongoDB, Redis, the MQTT broker, the publisher process
and the load share the other one.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from pymongo import MongoClient

from bench import machine
from bench.dial import Target
from bench.stored import Stored
from csms.embedded.ports import LOOPBACK, answers, any_free
from csms.embedded.process import Process, ProcessFailed
from csms.embedded.program import ROOT, Gateway, Program
from csms.embedded.stack import Stack

TENANT = "tenant1"
_STOP_WITHIN = 35.0
_PREPARATION = (["migrate"], ["migrate_tenants"])


class Subject:
    """A server under measurement: where it listens, and its process."""

    def __init__(self, name: str, port: int, process: Process) -> None:
        self.name = name
        self.port = port
        self.process = process

    def targets(self, stations: list[Target]) -> list[Target]:
        """Return the same stations with this server's address."""
        return [
            Target(f"ws://{LOOPBACK}:{self.port}{urlsplit(one.url).path}", one.identity, one.key) for one in stations
        ]


class Rig:
    """A context manager: in it everything runs, after it nothing does. It provisions `stations` stations."""

    def __init__(self, directory: Path, stations: int) -> None:
        self._directory = directory
        self._stack = Stack(directory / "stack", logs=directory, mongodb_cache_gb=1.0)
        self._environment = self._settings()
        self._count = stations
        self._open = ExitStack()
        self.publisher = Program("publisher", ["publish_events"], self._environment, self._log("publisher"))
        self.stations: list[Target] = []
        self.id_tags: list[str] = []
        self.access = ""  # a token of an operator

    def __enter__(self) -> Self:
        # Children inherit this; a measured server is moved to its own core as soon as it has started.
        os.sched_setaffinity(0, {machine.cores()[1]})
        try:
            self._open.enter_context(self._stack)
            self.client: MongoClient[dict[str, Any]] = MongoClient(self._stack.mongodb.url)
            self._open.callback(self.client.close)
            self._prepare()
            self._open.callback(self.publisher.stop)
            self.publisher.launch()
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def gateway(self, server: str) -> Subject:
        """Start our own server (`daphne` or `uvicorn`) on the server's core."""
        environment = {**self._environment, "CSMS_SERVER": server}
        gateway = Gateway(server, any_free(), environment, self._log(server))
        gateway.launch()
        self._open.callback(gateway.stop)
        machine.pin(gateway.process.pid, machine.cores()[0])
        gateway.wait_ready()
        return Subject(server, gateway.port, gateway.process)

    def yardstick(self) -> Subject:
        """Start the bare server on the same core."""
        port = any_free()
        keys = self._directory / "keys.json"
        keys.write_text(json.dumps({one.identity: one.key for one in self.stations}), encoding="utf-8")
        command = [sys.executable, "-m", "bench.yardstick", "--port", str(port), "--credentials", str(keys)]
        process = Process("yardstick", command, self._log("yardstick"), directory=ROOT)
        process.start()
        self._open.callback(process.stop)
        machine.pin(process.pid, machine.cores()[0])
        process.wait_ready(lambda: answers(port), 20.0)
        return Subject("yardstick", port, process)

    def stop(self, subject: Subject) -> None:
        """Stop a server that was measured, before the end of the run."""
        subject.process.stop(_STOP_WITHIN)

    def pids(self) -> dict[str, int]:
        """Return the processes on the load's core."""
        return {"load": os.getpid(), **self._stack.pids(), "publisher": self.publisher.process.pid}

    def stored(self) -> Stored:
        """Return the view of the tenant's database that acknowledged messages are compared with."""
        return Stored(self.client[f"ocpp_tenant_{TENANT}"])

    def _prepare(self) -> None:
        for command in _PREPARATION:
            self._manage(*command)
        # DEBUG stays off, as in production: it slows Django down.
        output = self._manage("create_test_tenants", "--json", "--yes-in-production", "--stations", str(self._count))
        tenants = {entry["slug"]: entry for entry in json.loads(output)["tenants"]}
        found = tenants[TENANT]
        self.stations = [Target(one["url"], one["id"], one["key"]) for one in found["stations"]]
        self.access = next(user["access"] for user in found["users"] if user["role"] == "operator")
        self.id_tags = self.stored().add_id_tags(found["id_tags"][0], self._count)

    def _manage(self, *arguments: str) -> str:
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        done = subprocess.run(
            command, env=self._environment, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode != 0:
            raise ProcessFailed(f"manage.py {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
        return done.stdout

    def _log(self, name: str) -> Path:
        return self._directory / f"{name}.log"

    def _settings(self) -> dict[str, str]:
        """Return what an operator would set; all else is left at its default."""
        return {
            **os.environ,
            **self._stack.environment(),
            "SECRET_KEY": secrets.token_hex(32),
            "JWT_SECRET": secrets.token_hex(32),
            "MQTT_PUBLISHER": "false",  # a process of its own publishes
            # A few stations send here what thousands would.
            "OCPP_STATION_MESSAGE_RATE": "0",
            "OCPP_TENANT_MESSAGE_RATE": "0",
        }
