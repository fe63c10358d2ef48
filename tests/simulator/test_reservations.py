"""Reservations of a simulated station: kept for one driver, used, cancelled, over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ocpp.v16 import call

from ocpp_gateway.simulator.meter import timestamp
from ocpp_gateway.simulator.station import Station
from tests.simulator.central import Central
from tests.simulator.conftest import unhurried


@pytest.fixture
def station(central: Central) -> Station:
    return unhurried(central)


async def reserve(central: Central, station: Station, connector: int = 1, number: int = 5, **until: float) -> str:
    over = timestamp(station.clock.now() + timedelta(**(until or {"days": 9})))
    request = call.ReserveNow(connector_id=connector, expiry_date=over, id_tag="TAG1", reservation_id=number)
    return str((await central.ask(request)).status)


async def remote_start(central: Central, tag: str, **more: Any) -> str:
    return str((await central.ask(call.RemoteStartTransaction(id_tag=tag, **more))).status)


async def test_a_connector_is_kept_for_its_driver(central: Central, online: Station) -> None:
    assert await reserve(central, online) == "Accepted"
    await central.until(lambda: central.statuses(1)[-1] == "Reserved")
    assert await remote_start(central, "OTHER", connector_id=1) == "Rejected"
    assert await remote_start(central, "tag1", connector_id=1) == "Accepted"
    await central.until(lambda: central.of("StartTransaction"))
    assert central.of("StartTransaction")[0].payload["reservationId"] == 5
    assert (await central.ask(call.CancelReservation(reservation_id=5))).status == "Rejected"


async def test_a_reservation_is_cancelled(central: Central, online: Station) -> None:
    await reserve(central, online)
    await central.until(lambda: central.statuses(1)[-1] == "Reserved")
    assert (await central.ask(call.CancelReservation(reservation_id=5))).status == "Accepted"
    await central.until(lambda: central.statuses(1)[-1] == "Available")


async def test_a_reservation_is_over(central: Central, online: Station) -> None:
    await reserve(central, online, minutes=3)  # a moment on this clock
    await central.until(lambda: central.statuses(1)[-2:] == ["Reserved", "Available"])
    assert await remote_start(central, "OTHER", connector_id=1) == "Accepted"


async def test_connector_zero_is_any(central: Central, online: Station) -> None:
    assert await reserve(central, online, connector=0) == "Accepted"
    await central.until(lambda: "Reserved" in central.statuses(1))


@pytest.mark.parametrize("why, status", [("busy", "Occupied"), ("off", "Unavailable"), ("nowhere", "Rejected")])
async def test_what_cannot_be_reserved(central: Central, online: Station, why: str, status: str) -> None:
    if why == "busy":
        await remote_start(central, "OTHER", connector_id=1)
        await central.until(lambda: central.of("StartTransaction"))
    if why == "off":
        change: Any = call.ChangeAvailability(connector_id=1, type="Inoperative")
        await central.ask(change)
    assert await reserve(central, online, connector=9 if why == "nowhere" else 1) == status
