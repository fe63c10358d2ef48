"""A gateway, the publisher, an MQTT subscriber, sockets of stations, and the API as an operator uses it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chargepoints.certificates import create_ca
from tests.gateway.conftest import ALARMS, connect, gateway, mqtt, station
from tests.operators import anna, boris, charger, founded, global_database
from tests.people import Operator
from tests.rest_client import Rest, token_for
from tests.serving import Gateway, publisher

__all__ = [  # fixtures from elsewhere
    "ALARMS",
    "anna",
    "boris",
    "charger",
    "connect",
    "founded",
    "gateway",
    "global_database",
    "mqtt",
    "station",
]


@pytest.fixture(scope="session")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the CA of the gateway is."""
    directory: Path = tmp_path_factory.mktemp("ca")
    create_ca(directory, "CA of the tests", datetime.now(UTC))
    return directory


@pytest.fixture(scope="package")
def gateways(tmp_path_factory: pytest.TempPathFactory, global_database: None, ca: Path) -> Iterator[dict[str, Gateway]]:
    """The server that `gateway` takes, with a publisher behind it."""
    directory: Path = tmp_path_factory.mktemp("station_control")
    running, events = (
        Gateway("uvicorn", directory, {"CA_DIRECTORY": str(ca), "EXTRA_APPS": "tests.vendor_app"}),
        publisher(directory),
    )
    try:
        events.start()
        running.start()
        yield {running.server: running}
    finally:
        events.ask_to_stop()
        running.stop()
        events.stop()


@pytest.fixture
async def rest(gateway: Gateway, anna: Operator) -> AsyncIterator[Rest]:
    """The API for an administrator of Anna's."""
    async with Rest(gateway.url.replace("ws", "http"), token_for(anna)) as client:
        yield client
