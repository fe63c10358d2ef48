"""MongoDB dies under 50 charging stations: nothing acknowledged is lost, and nobody is told an error."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.acceptance.fleet import TENANT, charging, connected, ledger_stations
from tests.acceptance.ledger import NO_ANSWER
from tests.acceptance.ledger_station import LedgerStation
from tests.acceptance.mqtt_capture import MqttCapture
from tests.acceptance.product import Product, memory
from tests.acceptance.reconcile import assert_nothing_lost

STATIONS = 50
TRY_AGAIN_LATER = 1013
HEARTBEAT_SECONDS = 2.0
MEMORY_GROWTH = 60 * 1024 * 1024  # bytes

pytestmark = pytest.mark.slow


async def more_charges(stations: list[LedgerStation], count: int) -> None:
    """Return when every station has completed `count` further charges."""
    goals = [station.ledger.completed + count for station in stations]

    async def reaches(station: LedgerStation, goal: int) -> None:
        await station.until(lambda ledger: ledger.completed >= goal, 120)

    await asyncio.gather(*(reaches(station, goal) for station, goal in zip(stations, goals, strict=True)))


async def heartbeat(station: LedgerStation) -> float:
    """Return the seconds until a heartbeat was answered."""
    begin = time.monotonic()
    await station.call("Heartbeat", {})
    return time.monotonic() - begin


async def test_a_short_outage_is_waited_out(product: Product, capture: MqttCapture) -> None:
    gateway = product.gateway()
    *stations, idle = ledger_stations(product, gateway, STATIONS + 1)
    mongod = product.stack.mongodb
    async with connected([*stations, idle]), charging(stations):
        await more_charges(stations, 2)
        before = memory(gateway.process)
        for _ in range(3):
            mongod.kill()
            assert await heartbeat(idle) < HEARTBEAT_SECONDS
            await asyncio.to_thread(mongod.start)
            await more_charges(stations, 1)
        grown = memory(gateway.process) - before
    for station in stations:
        assert set(station.ledger.close_codes) <= {TRY_AGAIN_LATER}, station.ledger.close_codes
    assert idle.ledger.connections == 1
    assert grown < MEMORY_GROWTH, f"{grown >> 20} MiB more"
    assert_nothing_lost(stations, product.database(TENANT), capture)


async def test_a_long_outage_sends_stations_away_with_their_messages(product: Product, capture: MqttCapture) -> None:
    gateway = product.gateway(STORAGE_TIMEOUT="2s")
    stations = ledger_stations(product, gateway, STATIONS)
    mongod = product.stack.mongodb
    async with connected(stations), charging(stations):
        await more_charges(stations, 1)
        mongod.kill()
        for station in stations:
            await station.until(lambda ledger: ledger.close_codes[TRY_AGAIN_LATER], 30)
            await station.until(lambda ledger: ledger.refused_upgrades.total(), 30)
        await asyncio.to_thread(mongod.start)
        await more_charges(stations, 1)
    refused = {status for station in stations for status in station.ledger.refused_upgrades}
    assert refused == {503}, "refused before the upgrade, by a server that lives" if NO_ANSWER in refused else refused
    assert_nothing_lost(stations, product.database(TENANT), capture)
