"""The product as an operator runs it: servers, gateway and publisher as processes that a test may kill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pymongo import MongoClient
from pymongo.database import Database

from csms.embedded.ports import LOOPBACK, any_free
from csms.embedded.process import Process
from csms.embedded.program import ROOT, Gateway, Program
from csms.embedded.stack import Stack

_PREPARATION = (["migrate"], ["migrate_tenants"])
_COMMAND_DEADLINE = 300.0  # seconds


@dataclass(frozen=True)
class Tenant:
    """One tenant as `create_test_tenants --json` describes it."""

    slug: str
    database: str
    users: list[dict[str, str]]
    stations: list[dict[str, str]]
    id_tags: list[str]


class Product:
    """A context manager: in it the servers and the publisher run, and gateways on demand.

    Args:
        directory: data and logs.
        stations: how many stations each test tenant gets.
    """

    def __init__(self, directory: Path, *, stations: int) -> None:
        self._directory = directory
        self._count = stations
        self.stack = Stack(directory / "servers", mongodb_cache_gb=0.25)
        self.environment = {**os.environ, **self.stack.environment()}
        self.publisher = self.program("publisher", "publish_events")
        self.tenants: dict[str, Tenant] = {}
        self._used: dict[str, int] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            starting.enter_context(self.stack)
            self.mongodb: MongoClient[dict[str, Any]] = MongoClient(self.stack.mongodb.url, tz_aware=True)
            starting.callback(self.mongodb.close)
            self._prepare()
            starting.callback(self.publisher.stop)
            self.publisher.launch()
            self._open = starting.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def program(self, name: str, *arguments: str) -> Program:
        """Return a `manage.py` command that is not started yet."""
        environment = {**self.environment, "CSMS_INSTANCE_ID": name}
        return Program(name, list(arguments), environment, self._log(name))

    def gateway(self, server: str = "daphne", **settings: str) -> Gateway:
        """Start an instance on `daphne` or `uvicorn`, with further settings by name; return it when it serves."""
        environment = {**self.environment, "CSMS_SERVER": server, **settings}
        gateway = Gateway(server, any_free(), environment, self._log(server))
        gateway.launch()
        self._open.callback(gateway.stop)
        gateway.wait_ready()
        return gateway

    def database(self, tenant: str) -> Database[dict[str, Any]]:
        """Return a tenant's own database."""
        return self.mongodb[self.tenants[tenant].database]

    def unused_stations(self, tenant: str, count: int) -> list[dict[str, str]]:
        """Return stations (id, key, url, alt_url) that no other call has returned."""
        stations, used = self.tenants[tenant].stations, self._used.get(tenant, 0)
        assert used + count <= len(stations), f"all {len(stations)} stations of {tenant} are used"
        self._used[tenant] = used + count
        return stations[used : used + count]

    def id_tag(self, tenant: str, station: str) -> str:
        """Return an accepted tag of this station alone, as one tag is in one session at a time."""
        tokens = self.database(tenant)["id_tokens"]
        pattern = tokens.find_one({"_id": self.tenants[tenant].id_tags[0].lower()})
        assert pattern is not None
        tag = f"OF-{station}"[:20]
        tokens.replace_one({"_id": tag.lower()}, pattern | {"_id": tag.lower(), "id_tag": tag}, upsert=True)
        return tag

    def manage(self, *arguments: str) -> str:
        """Run a `manage.py` command to its end and return what it prints."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=_COMMAND_DEADLINE,
            check=False,
        )
        assert done.returncode == 0, f"manage.py {' '.join(arguments)} failed:\n{done.stderr[-3000:]}"
        return done.stdout

    def logs(self) -> str:
        """Return everything the product's own processes have written."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self._directory.glob("*.log")))

    def _prepare(self) -> None:
        for command in _PREPARATION:
            self.manage(*command)
        created = json.loads(self.manage("create_test_tenants", "--json", "--stations", str(self._count)))
        for tenant in created["tenants"]:
            names = ("slug", "database", "users", "stations", "id_tags")
            self.tenants[tenant["slug"]] = Tenant(**{name: tenant[name] for name in names})

    def _log(self, name: str) -> Path:
        return self._directory / f"{name}.log"


def socket_url(gateway: Gateway, url: str) -> str:
    """Return a station's URL with the address at which the gateway listens."""
    return f"ws://{LOOPBACK}:{gateway.port}{urlsplit(url).path}"


def memory(process: Process) -> int:
    """Return the resident memory of a process (bytes)."""
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
