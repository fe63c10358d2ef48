"""Two instances with limits that a test reaches, and what was noticed as an operator reads it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.mqtt_capture import mqtt
from tests.operators import anna, boris, charger, founded, global_database
from tests.people import Installed, Operator
from tests.serving import Gateway, publisher
from tests.station import Station, basic, connect_station
from tests.upgrade import HttpAnswer, upgrade

__all__ = ["anna", "boris", "charger", "founded", "global_database", "mqtt"]  # fixtures from elsewhere

DEADLINE = 15.0
LIMITS = {
    "OCPP_LOGIN_FAILURES": "5",
    "OCPP_LOGIN_FAILURES_PER_ADDRESS": "20",
    "OCPP_LOGIN_BLOCK": "5m",
    "OCPP_LOGIN_BLOCK_LONGEST": "5m",
    "OCPP_FLAPPING_CONNECTS": "15",
    "OCPP_FLAPPING_CONNECTS_PER_ADDRESS": "40",
    "OCPP_FLAPPING_BLOCK": "5m",
    "OCPP_SOCKETS_PER_ADDRESS": "30",
    "OCPP_STATION_MESSAGE_RATE": "40",
    "OCPP_TENANT_MESSAGE_RATE": "0",
    "TENANT_SUSPEND_GRACE": "1h",
}

Connect = Callable[..., Awaitable[Station]]


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the processes of this run write their logs."""
    return tmp_path_factory.mktemp("limits")


@pytest.fixture(scope="package")
def pair(directory: Path, global_database: None) -> Iterator[list[Gateway]]:
    """Two instances that count together, and a publisher; nobody else counts with them."""
    settings = {**LIMITS, "REDIS_STATE_PREFIX": f"limits-{secrets.token_hex(4)}"}
    gateways = [Gateway(server, directory, settings) for server in ("uvicorn", "daphne")]
    events = publisher(directory, settings)
    try:
        events.start()
        for gateway in gateways:
            gateway.launch()
        for gateway in gateways:
            gateway.wait_ready()
        yield gateways
    finally:
        for process in (*(gateway.process for gateway in gateways), events):
            process.ask_to_stop()
        for gateway in gateways:
            gateway.stop()
        events.stop()


@pytest.fixture
def here(pair: list[Gateway]) -> Gateway:
    """The one of them that most stations connect to."""
    return pair[0]


@pytest.fixture
def there(pair: list[Gateway]) -> Gateway:
    """The other one."""
    return pair[1]


_addresses = iter(f"127.{a}.{b}.{c}" for a in range(50, 250) for b in range(256) for c in range(1, 255))


@pytest.fixture
def address() -> str:
    """An address that no other test comes from."""
    return next(_addresses)


@pytest.fixture
def addresses() -> list[str]:
    """Two hundred of them."""
    return [next(_addresses) for _ in range(200)]


async def knock(gateway: Gateway, charger: Installed, source: str, key: str | None = None) -> HttpAnswer:
    """Ask for an upgrade with the right key, or another one, and hang up."""
    authorization = basic(charger.identity, charger.key if key is None else key)
    return await upgrade(gateway.port, charger.path, authorization=authorization, source=source)


async def connected(gateway: Gateway, charger: Installed, source: str) -> Station:
    """Return an open socket of a station."""
    authorization = basic(charger.identity, charger.key)
    return await connect_station(gateway.url + charger.path, charger.identity, authorization, source=source)


async def noticed(operator: Operator, charger: Installed, kind: str, count: int = 1) -> list[dict[str, Any]]:
    """Return what was noticed of a station when there is as much of it, the first first."""
    return await asyncio.to_thread(_noticed, operator, charger, kind, count)


def _noticed(operator: Operator, charger: Installed, kind: str, count: int) -> list[dict[str, Any]]:
    query = {"charge_point_id": charger.identity, "type": kind, "source": "server"}
    end = time.monotonic() + DEADLINE
    with operator.db["security_events"].watch(max_await_time_ms=500) as changes:
        while len(found := list(operator.db["security_events"].find(query).sort("received_at"))) < count:
            assert time.monotonic() < end, f"{kind} of {charger.identity}: {found}"
            changes.try_next()
    return found
