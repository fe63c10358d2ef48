"""A suspended tenant: its stations leave in slices, those that charge when they have finished; then nobody comes in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from django.core.management import call_command

from chargepoints.credentials import new_key
from tenants.clients import sync_client
from tests.gateway.v16.charging import meter_values, reading, start, stop
from tests.limits.conftest import DEADLINE, LIMITS, connected, knock
from tests.mqtt_capture import Capture, Event
from tests.people import Installed, Operator, with_orm
from tests.serving import Gateway
from tests.station import Station

REASON = "this tenant is suspended"


@pytest.fixture
def carla(global_database: None) -> Operator:
    """An operator whose tenant is suspended."""
    return Operator.founding("carla")


async def connect_some(pair: list[Gateway], operator: Operator, count: int) -> list[Station]:
    chargers = [operator.installs() for _ in range(count)]
    return [await connected(pair[n % 2], charger, f"127.0.2.{n + 1}") for n, charger in enumerate(chargers)]


async def until_verdict(station: Station, tag: str, verdict: str) -> None:
    """Ask about a tag until its instance has noticed how the tenant stands."""
    async with asyncio.timeout(DEADLINE):
        while (await station.assert_replied("Authorize", {"idTag": tag}))["idTagInfo"]["status"] != verdict:
            pass


async def test_sockets_of_all_instances_are_closed(pair: list[Gateway], carla: Operator, anna: Operator) -> None:
    stations = await connect_some(pair, carla, 60)
    [other] = await connect_some(pair, anna, 1)
    carla.configure(status="suspended")
    assert await asyncio.gather(*(station.closed() for station in stations)) == [1008] * 60
    assert {station.socket.close_reason for station in stations} == {REASON}
    for gateway in pair:
        refused = await knock(gateway, carla.installs(), "127.0.0.1")
        assert (refused.status, refused.body) == (403, REASON)
    await other.assert_replied("Heartbeat")
    await other.socket.close()


async def test_who_charges_leaves_when_it_has_finished(pair: list[Gateway], carla: Operator) -> None:
    tag = carla.issues(max_active=None)
    charging, idle = await connect_some(pair, carla, 2)
    transaction = (await charging.assert_replied("StartTransaction", start(tag)))["transactionId"]
    carla.configure(status="suspended")
    assert await idle.closed() == 1008
    await until_verdict(charging, tag, "Blocked")  # nobody begins another session
    await charging.assert_replied("StopTransaction", stop(transaction))
    assert await charging.closed() == 1008
    assert carla.only_session(charging.identity)["status"] == "completed"


async def test_a_session_that_begins_nevertheless_is_kept(pair: list[Gateway], carla: Operator) -> None:
    """The station has decided: its energy has flowed, but the tag is not accepted."""
    tag = carla.issues(max_active=None)
    [station] = await connect_some(pair, carla, 1)
    await station.assert_replied("StartTransaction", start(tag))
    carla.configure(status="suspended")
    await until_verdict(station, tag, "Blocked")
    second = await station.assert_replied("StartTransaction", start(tag, connectorId=2))
    assert second["idTagInfo"]["status"] == "Blocked"
    assert len(carla.sessions(station.identity)) == 2
    await station.socket.close()


async def test_a_right_guess_does_not_show(here: Gateway, carla: Operator, address: str) -> None:
    """The tenant's state is told to those who have the key, and not to an address that is blocked."""
    charger, noticing = carla.installs(), await connected(here, carla.installs(), "127.0.0.1")
    carla.configure(status="suspended")
    assert await noticing.closed() == 1008
    assert (await knock(here, charger, "127.0.0.1")).status == 403
    wrong = [await knock(here, charger, address, key=new_key()) for _ in range(int(LIMITS["OCPP_LOGIN_FAILURES"]))]
    right = await knock(here, charger, address)
    assert (wrong[-1].status, right.status) == (429, 429)
    assert right.body.partition(":")[0] == wrong[-1].body.partition(":")[0]


async def test_resuming_works_at_once(pair: list[Gateway], carla: Operator) -> None:
    charger = carla.installs()
    tag = carla.issues(max_active=None)
    staying = await connected(pair[0], carla.installs(), "127.0.0.1")
    await staying.assert_replied("StartTransaction", start(tag))
    station = await connected(pair[1], charger, "127.0.0.1")
    carla.configure(status="suspended")
    assert await station.closed() == 1008
    assert (await knock(pair[1], charger, "127.0.0.1")).status == 403
    carla.configure(status="active")
    for gateway in pair:
        again = await connected(gateway, charger, "127.0.0.1")
        await again.assert_replied("Heartbeat")
        await again.socket.close()
    await until_verdict(staying, tag, "Accepted")
    await staying.socket.close()


@pytest.mark.slow
async def test_a_deletion_that_does_not_wait_leaves_nothing(pair: list[Gateway], carla: Operator) -> None:
    """A station that charges goes on sending: it is disconnected, or its database would be there again."""
    tag = carla.issues(max_active=None)
    [station] = await connect_some(pair, carla, 1)
    charge = {"transactionId": (await station.assert_replied("StartTransaction", start(tag)))["transactionId"]}

    async def go_on_charging() -> None:
        for wh in count():
            await station.assert_replied("MeterValues", meter_values(reading({"value": f"{wh}"}), **charge))

    def delete() -> None:
        call_command("delete_tenant", carla.slug, yes=carla.slug, wait=0, discard=True)

    charging = asyncio.create_task(go_on_charging())
    await asyncio.to_thread(with_orm, delete)
    with pytest.raises(AssertionError, match="this tenant was deleted"):
        await asyncio.wait_for(charging, DEADLINE)
    assert carla.db.name not in await asyncio.to_thread(sync_client().list_database_names)
    assert (await knock(pair[0], Installed(station.identity, new_key(), carla.slug), "127.0.0.1")).status == 404


def told(slug: str, expected: list[str], events: list[Event]) -> list[Event]:
    """Return the events of a tenant as a whole if there are as many as expected."""
    mine = [event for event in events if event.payload["tenant_id"] == slug]
    return mine if len(mine) >= len(expected) else []


async def test_it_is_announced_once(pair: list[Gateway], carla: Operator, mqtt: Capture) -> None:
    expected: list[str] = []
    for status, event_type in (("suspended", "tenant.suspended"), ("active", "tenant.resumed")) * 2:
        expected = [*expected, event_type]
        carla.configure(status=status)
        mine = await mqtt.until("", partial(told, carla.slug, expected), event_type)
    assert [event.type for event in mine] == expected
    assert {event.topic for event in mine} == {f"ocpp/events/{carla.slug}/tenant"}
    assert [event.data["status"] for event in mine] == ["suspended", "active"] * 2


@pytest.fixture(scope="module")
def impatient(directory: Path, global_database: None) -> Iterator[Gateway]:
    """An instance that waits a second for sessions to end."""
    gateway = Gateway("uvicorn", directory, {**LIMITS, "TENANT_SUSPEND_GRACE": "1s", "REDIS_STATE_PREFIX": "impatient"})
    gateway.start()
    yield gateway
    gateway.stop()


async def test_who_goes_on_charging_is_disconnected_in_the_end(impatient: Gateway, carla: Operator) -> None:
    tag = carla.issues(max_active=None)
    charger = carla.installs()
    station = await connected(impatient, charger, "127.0.0.1")
    transaction = (await station.assert_replied("StartTransaction", start(tag)))["transactionId"]
    carla.configure(status="suspended")
    assert await station.closed() == 1008
    carla.configure(status="active")
    again = await connected(impatient, charger, "127.0.0.1")
    await again.assert_replied("StopTransaction", stop(transaction))
    assert carla.only_session(station.identity)["status"] == "completed", "nothing of it was lost"
    await again.socket.close()
