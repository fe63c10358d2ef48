"""kill -9 of the gateway: what was acknowledged is there, once; what was not is sent again and stored once."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from csms.embedded.program import Gateway
from tests.acceptance.fleet import TENANT, charging, connected, ledger_stations
from tests.acceptance.ledger import Outcome, Sent
from tests.acceptance.ledger_station import LedgerStation
from tests.acceptance.mqtt_capture import MqttCapture
from tests.acceptance.product import Product
from tests.acceptance.reconcile import assert_none, assert_nothing_lost, not_stored

KILLS = 10
# Until every station is back, once the new server serves: MongoDB still holds what the killed one had begun.
RETURN_SECONDS = 15.0


async def restart(gateway: Gateway) -> None:
    """Start a killed gateway again on its port; return when it serves."""
    gateway.launch()
    await asyncio.to_thread(gateway.wait_ready)


async def test_a_session_survives_the_server_it_began_on(
    gateway: Gateway, product: Product, capture: MqttCapture
) -> None:
    [station] = ledger_stations(product, gateway, 1)
    async with connected([station]):
        charge = station.start()
        station.meter(charge)
        await station.delivered()

        gateway.process.kill()
        station.meter(charge)
        await restart(gateway)
        station.stop(charge)
        await station.delivered()

    assert charge.stopped
    assert station.ledger.count("BootNotification") == 1
    assert station.ledger.connections == 2
    assert_nothing_lost([station], product.database(TENANT), capture)


async def test_a_start_sent_again_gets_the_first_answer(gateway: Gateway, product: Product) -> None:
    [station] = ledger_stations(product, gateway, 1)
    async with connected([station]):
        charge = station.start()
        await station.delivered()
        start = station.ledger.answered("StartTransaction")[0]

        gateway.process.kill()
        await restart(gateway)
        await station.online.wait()
        again = await station.call("StartTransaction", start.payload)
        assert again == start.answer
        assert again["idTagInfo"] == {"status": "Accepted"}

        station.stop(charge)
        await station.delivered()
    assert_none(not_stored([station], product.database(TENANT)))


@pytest.mark.slow
async def test_killed_ten_times_at_any_point_of_a_charge(
    gateway: Gateway, product: Product, capture: MqttCapture
) -> None:
    """The blow falls while a CALL is under way: before its write, between write and answer, or just after."""
    random = Random(gateway.name)
    stations = ledger_stations(product, gateway, 4)
    async with connected(stations), charging(stations):
        for _ in range(KILLS):
            async with asyncio.timeout(RETURN_SECONDS):
                await asyncio.gather(*(station.online.wait() for station in stations))
            await blow(gateway, random.choice(stations), random)
            await restart(gateway)
    retried = sum(len(calls(station, Outcome.CLOSED)) for station in stations)
    assert retried >= KILLS, "the blows hit nothing that was under way"
    assert all(station.ledger.count("BootNotification") == 1 for station in stations)
    assert_nothing_lost(stations, product.database(TENANT), capture)


def calls(station: LedgerStation, outcome: Outcome) -> list[Sent]:
    """Return the CALLs that ended so."""
    return [sent for sent in station.ledger.sent if sent.outcome is outcome]


async def blow(gateway: Gateway, station: LedgerStation, random: Random) -> None:
    """Kill the gateway up to 8 ms after a CALL of this station was sent, which is about as long as it is served."""
    loop = asyncio.get_running_loop()
    fallen = asyncio.Event()
    action = random.choice(["StartTransaction", "MeterValues", "StopTransaction", "StatusNotification"])

    def fall() -> None:
        gateway.process.kill()
        fallen.set()

    def sent(one: Sent) -> None:
        if one.action == action:
            station.on_sent = ignore
            loop.call_later(random.uniform(0, 0.008), fall)

    station.on_sent = sent
    async with asyncio.timeout(30):
        await fallen.wait()


def ignore(sent: Sent) -> None:
    """Do nothing on a CALL."""
