"""Pending and rejected: what a station is told, what it may send, and what it may be asked."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from chargepoints.credentials import new_key
from tests.gateway.conftest import Connect
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.rest_client import Rest, token_for
from tests.serving import Gateway
from tests.station import BOOT, Station

HEARTBEAT_INTERVAL, RETRY_INTERVAL = 1800, 45


@pytest.fixture(scope="session")
def carla(global_database: None) -> Operator:
    """An operator who looks at every station before it may work."""
    return Operator.founding(
        "carla",
        auto_register=True,
        auto_register_as="pending",
        boot_retry_interval=RETRY_INTERVAL,
        default_heartbeat_interval=HEARTBEAT_INTERVAL,
    )


@pytest.fixture
def stranger(carla: Operator) -> Installed:
    """A station that nobody has created."""
    carla.still_here()
    key = new_key()
    return Installed(f"{carla.slug}_{key[:6]}", key, carla.slug)


@pytest.fixture
async def office(gateway: Gateway, carla: Operator) -> AsyncIterator[Rest]:
    """The API for Carla."""
    async with Rest(gateway.url.replace("ws", "http"), token_for(carla)) as client:
        yield client


async def told(station: Station) -> tuple[str, int]:
    """Boot and return the registration and the interval that the station is told."""
    answer = await station.assert_replied("BootNotification", BOOT)
    return answer["status"], answer["interval"]


async def register(office: Rest, station: Station, registration: str) -> None:
    await office.patch(f"chargepoints/{station.identity}", {"registration": registration})


async def test_an_unknown_station_waits_for_approval_and_then_works(
    stranger: Installed, connect: Connect, office: Rest, carla: Operator, mqtt: Capture
) -> None:
    station = await connect(stranger)
    assert await told(station) == ("Pending", RETRY_INTERVAL)
    await station.assert_call_error("Heartbeat", {}, "SecurityError")
    await mqtt.assert_event(stranger.identity, "charge_point.booted", registration="pending")
    waiting = await office.get("chargepoints", registration="pending")
    assert stranger.identity in [one["id"] for one in waiting["results"]]
    await register(office, station, "accepted")
    assert await told(station) == ("Accepted", HEARTBEAT_INTERVAL)
    await station.assert_replied("Heartbeat")
    assert carla.charge_point(stranger.identity)["booted_at"] is not None
    await mqtt.assert_event(stranger.identity, "charge_point.booted", registration="accepted")


async def test_a_pending_station_can_be_set_up_but_not_made_to_charge(
    stranger: Installed, connect: Connect, office: Rest
) -> None:
    station = await connect(stranger)
    await told(station)
    start = await office.post(f"chargepoints/{station.identity}/remote-start", {"id_tag": "TAG"})
    asking = office.asking(station.identity, "change-configuration", {"key": "HeartbeatInterval", "value": "60"})
    await station.obey("ChangeConfiguration", {"status": "Accepted"})
    assert (await asking)["state"] == "accepted"
    assert (await office.get(f"commands/{start['id']}"))["state"] == "queued"
    await register(office, station, "accepted")
    await told(station)
    assert await station.obey("RemoteStartTransaction", {"status": "Accepted"}) == {"idTag": "TAG"}


async def test_nothing_is_asked_of_a_station_before_it_boots(
    stranger: Installed, connect: Connect, office: Rest
) -> None:
    station = await connect(stranger)
    await office.post(f"chargepoints/{station.identity}/clear-cache")
    await station.assert_silent()
    await told(station)
    await station.obey("ClearCache", {"status": "Accepted"})


async def test_a_rejected_station_is_told_so_and_asked_for_nothing(
    stranger: Installed, connect: Connect, office: Rest, mqtt: Capture
) -> None:
    station = await connect(stranger)
    await register(office, station, "rejected")
    assert await told(station) == ("Rejected", RETRY_INTERVAL)
    command = await office.post(f"chargepoints/{station.identity}/clear-cache")
    await station.assert_silent()
    await station.assert_call_error("StatusNotification", {}, "SecurityError")
    assert (await office.get(f"commands/{command['id']}"))["state"] == "queued"
    await mqtt.assert_event(stranger.identity, "charge_point.booted", registration="rejected")


async def test_a_station_that_worked_is_told_at_its_next_boot_that_it_may_not(
    station: Station, charger: Installed, anna: Operator, rest: Rest
) -> None:
    await station.boot()
    booted = anna.charge_point(charger.identity)["booted_at"]
    await rest.patch(f"chargepoints/{charger.identity}", {"registration": "rejected"})
    assert (await told(station))[0] == "Rejected"
    await station.assert_call_error("Heartbeat", {}, "SecurityError")
    assert anna.charge_point(charger.identity)["booted_at"] == booted


async def test_after_a_reconnect_a_rejected_station_is_still_refused(
    station: Station, charger: Installed, rest: Rest, connect: Connect
) -> None:
    await rest.patch(f"chargepoints/{charger.identity}", {"registration": "rejected"})
    await told(station)
    again = await connect(charger)
    await again.assert_call_error("Heartbeat", {}, "SecurityError")
