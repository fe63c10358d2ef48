"""`make run`: servers, migrations, test tenants, gateways, publisher and simulator, until Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from csms.embedded import machine
from csms.embedded.claim import run_file, write_private
from csms.embedded.keys import signing_keys
from csms.embedded.ports import LOOPBACK, first_free
from csms.embedded.prepare import DONE, MIGRATED
from csms.embedded.process import Process, ProcessFailed
from csms.embedded.program import ROOT, Gateway, Program
from csms.embedded.server import Server
from csms.embedded.stack import FOREIGN_SETTINGS, Stack, StackPorts
from csms.embedded.supervisor import Service, Supervisor
from csms.embedded.welcome import welcome

_LOG_LIMIT = 10 * 1024 * 1024  # bytes; a longer log is put aside at the start
# Where the servers listen when nobody else does; else the next free port.
_MONGODB_PORT, _REDIS_PORT, _MQTT_PORT = 27081, 6381, 1881


@dataclass(frozen=True)
class Wishes:
    """What the person at the terminal may choose, with variables of `make run`."""

    http_port: int = 8081
    instances: int = 1
    stations: int = 5  # simulated ones; 0 for none

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Wishes:
        """Read HTTP_PORT, INSTANCES and SIMULATE. Raises Refused when one is no such number."""
        return cls(
            http_port=_number(environment, "HTTP_PORT", cls.http_port, 1, 65535),
            instances=_number(environment, "INSTANCES", cls.instances, 1, 16),
            stations=_number(environment, "SIMULATE", cls.stations, 0, 10_000),
        )


def _number(environment: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environment.get(name, "") or str(default)
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise machine.Refused(f"{name}={text} is not a whole number from {low} to {high}")
    return int(text)


class Playground:
    """Everything `make run` starts; its data lives in `directory`."""

    def __init__(self, directory: Path, wishes: Wishes) -> None:
        self.directory = directory
        self.logs = directory / "logs"
        self.wishes = wishes
        ports = StackPorts(first_free(_MONGODB_PORT), first_free(_REDIS_PORT), first_free(_MQTT_PORT))
        self.stack = Stack(directory, ports, logs=self.logs)
        self._environment = self._settings()
        self.preparation = self._make_preparation()
        self.gateways = self._make_gateways()
        self.publisher = self._program("publisher", "publish_events")
        self.simulator = self._program("simulator", "simulate", *self._fleet())
        self._started = time.monotonic()
        for log in self.logs.glob("*.log"):
            if log.stat().st_size > _LOG_LIMIT:
                log.replace(log.with_suffix(".log.1"))

    def run(self) -> None:
        """Start everything, say so, and keep it running until KeyboardInterrupt. Raises ProcessFailed."""
        self.preparation.start()
        self.stack.start(self._server_is_ready)
        self._prepare()
        self._wait_for_gateways()
        self._write_run_file()
        self._say(f"ready after {time.monotonic() - self._started:.1f} s; Ctrl-C stops everything\n")
        show(self._welcome())
        services: list[Service] = [*self.stack.servers, *self._programs()]
        Supervisor(services, self._say, self._write_run_file).run()

    def stop(self) -> None:
        """Stop what runs, clients before servers; each by its own pid."""
        self.preparation.stop()  # only a failure or Ctrl-C finds it still running
        programs = [self.simulator, *self.gateways, self.publisher]
        running = [program for program in programs if program.process.running]
        if running or any(server.running for server in self.stack.servers):
            names = [program.name for program in running] + ["mqtt", "redis", "mongodb"]
            self._say(f"stopping {', '.join(names)}")
        self.simulator.stop()
        for gateway in self.gateways:
            gateway.process.ask_to_stop()
        for program in (*self.gateways, self.publisher):
            program.stop()
        for server in reversed(self.stack.servers):
            server.stop()
        run_file(self.directory).unlink(missing_ok=True)

    def _prepare(self) -> None:
        """Migrate and create the test tenants, showing each step; the gateways start as soon as they can."""
        self.preparation.go()
        for line in self.preparation.lines():
            if line.startswith(DONE):
                self._say(line.removeprefix(DONE))
            if MIGRATED in line:
                for gateway in self.gateways:
                    gateway.launch()
        if not self.preparation.succeeded:
            raise ProcessFailed(self.preparation.with_log("the databases could not be prepared"))

    def _wait_for_gateways(self) -> None:
        for gateway in self.gateways:
            gateway.wait_ready()
            self._say(f"{gateway.name:<8} {gateway.url}")
        self.publisher.launch()  # not earlier: its start would slow that of the gateways down
        if self.wishes.stations:
            self.simulator.launch()
            self._say(f"simulating {self.wishes.stations} stations of tenant1")

    def _programs(self) -> list[Program]:
        fleet = [self.simulator] if self.wishes.stations else []
        return [*self.gateways, self.publisher, *fleet]

    def _make_gateways(self) -> list[Gateway]:
        count, first = self.wishes.instances, self.wishes.http_port
        names = ["csms"] if count == 1 else [f"csms-{number + 1}" for number in range(count)]
        return [Gateway(name, first + place, self._environment, self._log(name)) for place, name in enumerate(names)]

    def _make_preparation(self) -> Process:
        # More stations than are simulated, so that some are left for a person to connect.
        stations = str(max(10, self.wishes.stations + 5))
        command = [sys.executable, "-m", "csms.embedded.prepare", str(self._test_tenants_file.resolve()), stations]
        log = self._log("prepare")
        return Process("preparation", command, log, environment=self._environment, directory=ROOT, waits_for_go=True)

    def _program(self, name: str, *arguments: str) -> Program:
        environment = {**self._environment, "CSMS_INSTANCE_ID": name}
        return Program(name, list(arguments), environment, self._log(name))

    def _fleet(self) -> list[str]:
        count, credentials = str(self.wishes.stations), str(self._test_tenants_file.resolve())
        return ["--tenant", "tenant1", "--count", count, "--credentials", credentials]

    def _log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def _settings(self) -> dict[str, str]:
        """Return the environment of the product: this terminal's own, and what belongs to the playground."""
        public_url = f"http://{LOOPBACK}:{self.wishes.http_port}"
        own = {name: value for name, value in os.environ.items() if name not in FOREIGN_SETTINGS}
        return {
            **own,
            **self.stack.environment(),
            **signing_keys(self.directory),
            "DEBUG": "true",
            "LOG_FORMAT": "console",
            "HTTP_PORT": str(self.wishes.http_port),
            "PUBLIC_URL": public_url,
            "PYTHONUNBUFFERED": "1",
            # Several instances know of each other through Redis, whatever this terminal says.
            **({"REDIS_DISTRIBUTED_STATE": "true"} if self.wishes.instances > 1 else {}),
        }

    def _server_is_ready(self, server: Server) -> None:
        self._say(f"{server.name:<8} {server.url}")

    @property
    def _test_tenants_file(self) -> Path:
        return self.directory / "playground.json"

    def _welcome(self) -> str:
        test_tenants: dict[str, Any] = json.loads(self._test_tenants_file.read_text(encoding="utf-8"))
        urls = [gateway.url for gateway in self.gateways]
        return f"{welcome(urls, self.stack.urls(), test_tenants)}\n\nLogs: {self.logs}/\n"

    def _write_run_file(self) -> None:
        pids = {program.name: program.process.pid for program in self._programs()}
        content = {
            "http": [gateway.url for gateway in self.gateways],
            **self.stack.urls(),
            "pids": {**pids, **self.stack.pids()},
        }
        write_private(run_file(self.directory), json.dumps(content, indent=2) + "\n")

    def _say(self, line: str) -> None:
        show(f"[csms] {line}")


def show(text: str) -> None:
    """Print for the person at the terminal; one that was closed meanwhile must not keep the stop from its work."""
    with contextlib.suppress(OSError):
        print(text, flush=True)
