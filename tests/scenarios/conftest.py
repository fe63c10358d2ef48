"""A gateway with its publisher, and a scene for each scenario."""

from __future__ import annotations

import pytest

from tests.gateway.conftest import Connect
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.rest_client import Rest
from tests.scenarios.scene import Scene
from tests.station import Station
from tests.station_control.conftest import (
    anna,
    boris,
    ca,
    charger,
    connect,
    founded,
    gateway,
    gateways,
    global_database,
    mqtt,
    rest,
)

__all__ = [  # fixtures from elsewhere
    "anna",
    "boris",
    "ca",
    "charger",
    "connect",
    "founded",
    "gateway",
    "gateways",
    "global_database",
    "mqtt",
    "rest",
]


@pytest.fixture
async def scene(charger: Installed, anna: Operator, rest: Rest, mqtt: Capture, connect: Connect) -> Scene:
    """A station of Anna's that has been in service before, connected."""

    async def opened() -> Station:
        return await connect(charger)

    return Scene(charger, anna, rest, mqtt, opened, await opened())
