"""A central system and a station that talks to it, on a clock that lets an hour pass in a second or two."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest

from ocpp_gateway.simulator import uplink
from ocpp_gateway.simulator.clock import Clock
from ocpp_gateway.simulator.drivers import Habits, Tags
from ocpp_gateway.simulator.station import Station
from ocpp_gateway.simulator.uplink import Address
from tests.simulator.central import Central

SPEED = 2000.0
UNHURRIED = 200.0


@pytest.fixture
async def central() -> AsyncIterator[Central]:
    """A central system that accepts everything unless a test says otherwise."""
    system = Central()
    server = await system.start()
    yield system
    server.close()
    await server.wait_closed()


@pytest.fixture
def station(central: Central, monkeypatch: pytest.MonkeyPatch) -> Station:
    """A station that is not running yet; the tests choose `run` or `run_once`."""
    monkeypatch.setattr(uplink, "FIRST_BACK_OFF", 0.02)
    return new_station(central, Habits(Tags(["TAG1"])), Clock(SPEED))


def new_station(central: Central, habits: Habits, clock: Clock) -> Station:
    """Return a station with one model, one meter and the same random numbers each time."""
    return Station(Address(central.url, "CP1", "a-key-with:colon"), habits, clock, Random(7), lambda text: None)


def unhurried(central: Central) -> Station:
    """Return a station whose drivers stay while a test, however slow the machine, asks it for something."""
    return new_station(central, Habits(Tags(["TAG1"]), longest_stay=80_000.0), Clock(UNHURRIED))


@pytest.fixture
async def online(central: Central, station: Station) -> AsyncIterator[Station]:
    """A station that is connected and booted, and that no driver comes to."""
    link = asyncio.create_task(station.uplink.run())
    await central.until(lambda: len(central.of("StatusNotification")) == len(station.connectors))
    yield station
    link.cancel()
    await asyncio.gather(link, return_exceptions=True)
