"""A gateway on either server, the publisher, an MQTT subscriber, and sockets of stations."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.mqtt_capture import Capture, mqtt
from tests.operators import anna, boris, charger, founded, global_database
from tests.people import Installed
from tests.serving import Gateway, publisher
from tests.station import Station, basic, connect_station

__all__ = ["anna", "boris", "charger", "founded", "global_database", "mqtt"]  # fixtures from elsewhere

SERVERS = ("daphne", "uvicorn")
# What a gateway logs only when something of ours is broken.
ALARMS = ("handler_failed", "serving_failed", "own_answer_invalid", "receiver_failed")

Connect = Callable[..., Awaitable[Station]]


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the processes of this run write their logs."""
    return tmp_path_factory.mktemp("gateways")


@pytest.fixture(scope="package")
def gateways(directory: Path, global_database: None) -> Iterator[dict[str, Gateway]]:
    """Both servers, started at the same time, with one publisher behind them."""
    running = {server: Gateway(server, directory) for server in SERVERS}
    events = publisher(directory)
    try:
        events.start()
        for gateway in running.values():
            gateway.launch()
        for gateway in running.values():
            gateway.wait_ready()
        yield running
    finally:
        for process in (*(gateway.process for gateway in running.values()), events):
            process.ask_to_stop()
        for gateway in running.values():
            gateway.stop()
        events.stop()


@pytest.fixture
def gateway(gateways: dict[str, Gateway], mqtt: Capture) -> Iterator[Gateway]:
    """The gateway most tests run against; it must have nothing to complain of itself."""
    yield from _without_alarms(gateways["uvicorn"])


@pytest.fixture(params=SERVERS)
def each_gateway(request: pytest.FixtureRequest, gateways: dict[str, Gateway], mqtt: Capture) -> Iterator[Gateway]:
    """Each of the two servers, for what is about the wire."""
    yield from _without_alarms(gateways[request.param])


def _without_alarms(gateway: Gateway) -> Iterator[Gateway]:
    gateway.new_log()
    yield gateway
    assert gateway.process.running, gateway.process.with_log(f"the gateway {gateway.process.ending}")
    alarms = [entry for entry in gateway.new_log() if _is_alarm(entry)]
    assert not alarms, f"the gateway has logged {alarms}"


def _is_alarm(entry: dict[str, Any]) -> bool:
    text = str(entry)
    return entry.get("event") in ALARMS or entry.get("level") == "error" or "Traceback" in text


@pytest.fixture
async def connect(gateway: Gateway) -> AsyncIterator[Connect]:
    """`station = await connect(charger)`: a socket to the gateway, closed when the test ends."""
    async with AsyncExitStack() as sockets:

        async def opened(charger: Installed, **options: Any) -> Station:
            authorization = options.pop("authorization", basic(charger.identity, charger.key))
            url = gateway.url + options.pop("path", charger.path)
            station = await connect_station(url, charger.identity, authorization, **options)
            return await sockets.enter_async_context(station)

        yield opened


@pytest.fixture
async def station(connect: Connect, charger: Installed) -> Station:
    """A socket of `charger`."""
    return await connect(charger)
