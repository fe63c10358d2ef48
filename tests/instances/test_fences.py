"""Who may write about a station: its newest connection, or somebody who acts for it while it has none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from chargepoints.commands import end_command, find_command, store_command, take_to_send, withdraw
from chargepoints.connection import claim, release
from chargepoints.models import CommandState
from chargepoints.offline import act_for_offline, announce_waiting, take_from_dead
from chargepoints.station import StaleConnection, Station
from tenants.clients import Document, close_async_client
from tenants.unit_of_work import flush_commits
from tests.people import Installed, Operator

FAILED = CommandState.FAILED


@pytest.fixture(autouse=True)
async def settled() -> AsyncIterator[None]:
    """Whatever a test has begun to write is written, and its loop's database client closed."""
    yield
    await flush_commits()
    await close_async_client()


def now() -> datetime:
    return datetime.now(UTC)


async def connected(operator: Operator, charger: Installed, instance: str = "test") -> Station:
    """Return a station with a new connection."""
    return await claim(operator.record(), charger.identity, instance=instance, ocpp_version="1.6", now=now())


async def ordered(operator: Operator, charger: Installed) -> Document:
    """Return a new command for a station."""
    return (await store_command(operator.record(), charger.to_clear_its_cache(), now()))[0]


async def state(operator: Operator, command: Document) -> str:
    found = await find_command(operator.record(), command["_id"])
    assert found is not None
    return str(found["state"])


async def test_a_connection_that_was_replaced_sends_and_ends_nothing(anna: Operator, charger: Installed) -> None:
    old = await connected(anna, charger)
    sent = await take_to_send(old, await ordered(anna, charger), seconds=30, now=now())
    assert sent is not None
    new = await connected(anna, charger)
    assert await end_command(old, sent, CommandState.ACCEPTED, now(), response={"status": "Accepted"}) is None
    with pytest.raises(StaleConnection):
        await take_to_send(old, await ordered(anna, charger), seconds=30, now=now())
    assert await state(anna, sent) == "sent"
    assert await end_command(new, sent, FAILED, now()) is not None


async def test_a_connection_may_tell_of_its_own_end(anna: Operator, charger: Installed) -> None:
    station = await connected(anna, charger)
    sent = await take_to_send(station, await ordered(anna, charger), seconds=30, now=now())
    assert sent is not None
    assert await release(station, now(), reason="gone")
    assert await end_command(station, sent, FAILED, now()) is not None


async def test_nobody_acts_for_a_station_that_is_connected(anna: Operator, charger: Installed) -> None:
    command = await ordered(anna, charger)
    station = await connected(anna, charger)
    assert await act_for_offline(anna.record(), charger.identity) is None
    assert not await announce_waiting(anna.record(), charger.identity, [command])
    assert anna.charge_point(charger.identity)["epoch"] == station.epoch


async def test_whoever_acts_is_too_late_when_the_station_has_come_back(anna: Operator, charger: Installed) -> None:
    command = await ordered(anna, charger)
    acting = await act_for_offline(anna.record(), charger.identity)
    assert acting is not None
    station = await connected(anna, charger)
    assert await end_command(acting, command, CommandState.EXPIRED, now()) is None
    assert await state(anna, command) == "queued"
    stored = anna.charge_point(charger.identity)
    assert (stored["epoch"], stored["connected"]["epoch"]) == (station.epoch, station.epoch)


async def test_of_several_who_act_at_once_one_does(anna: Operator, charger: Installed) -> None:
    command = await ordered(anna, charger)
    before = anna.charge_point(charger.identity)
    acting = [await act_for_offline(anna.record(), charger.identity) for _ in range(3)]
    ends = await asyncio.gather(*(end_command(one, command, CommandState.EXPIRED, now()) for one in acting if one))
    assert len([one for one in ends if one is not None]) == 1
    after = anna.charge_point(charger.identity)
    assert after["epoch"] == before["epoch"] + 1
    assert after["last_seen"] == before["last_seen"], "who acts for a station has not seen it"


async def test_a_dead_instances_station_is_taken_once(anna: Operator, charger: Installed) -> None:
    await connected(anna, charger, "dead")
    takes = await asyncio.gather(
        *(take_from_dead(anna.record(), charger.identity, "dead", now(), lambda *_: None) for _ in range(3))
    )
    assert [one for one in takes if one is not None] == [[]]
    assert anna.charge_point(charger.identity)["connected"] is None


async def test_a_station_that_lives_elsewhere_is_not_taken(anna: Operator, charger: Installed) -> None:
    await connected(anna, charger, "dead")
    station = await connected(anna, charger, "alive")
    assert await take_from_dead(anna.record(), charger.identity, "dead", now(), lambda *_: None) is None
    assert anna.charge_point(charger.identity)["connected"]["epoch"] == station.epoch


async def test_only_what_nobody_has_heard_of_is_withdrawn(anna: Operator, charger: Installed) -> None:
    unheard, announced, sent = [await ordered(anna, charger) for _ in range(3)]
    assert await announce_waiting(anna.record(), charger.identity, [announced])
    assert await take_to_send(await connected(anna, charger), sent, seconds=30, now=now()) is not None
    withdrawn = [await withdraw(anna.record(), one) for one in (unheard, announced, sent)]
    assert withdrawn == [True, False, False]
    assert await find_command(anna.record(), unheard["_id"]) is None
