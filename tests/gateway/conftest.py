"""A gateway on either server, the publisher, an MQTT subscriber, and two operators with their stations.

Anna and Boris each have a tenant. Stations are cheap, so every test installs its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from csms.embedded.stack import Stack
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.serving import Gateway, publisher
from tests.station import Station, basic, connect_station

SERVERS = ("daphne", "uvicorn")
# What a gateway logs only when something of ours is broken.
ALARMS = ("handler_failed", "serving_failed", "own_answer_invalid", "receiver_failed")

Connect = Callable[..., Awaitable[Station]]


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the processes of this run write their logs."""
    return tmp_path_factory.mktemp("gateways")


@pytest.fixture(scope="session")
def global_database(django_db_blocker: Any) -> Iterator[None]:
    """Tenants can be created: the global database has its collections."""
    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0)
        yield


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def mqtt(embedded_stack: Stack) -> Iterator[Capture]:
    """Everything the broker delivers, from before the first station connects."""
    capture = Capture(embedded_stack.mqtt.url)
    capture.start()
    yield capture
    capture.stop()


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


@pytest.fixture(scope="session")
def _anna(global_database: None) -> Operator:
    return Operator.founding("anna")


@pytest.fixture(scope="session")
def _boris(global_database: None) -> Operator:
    return Operator.founding("boris")


@pytest.fixture
def anna(_anna: Operator) -> Operator:
    """An operator."""
    _anna.still_here()
    return _anna


@pytest.fixture
def boris(_boris: Operator) -> Operator:
    """Another operator, who must never see what is Anna's."""
    _boris.still_here()
    return _boris


@pytest.fixture
def charger(anna: Operator) -> Installed:
    """A new charge point of Anna's, in service before."""
    return anna.installs()


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
