"""A connection and the gateway that holds it, inside of the test's event loop: what the wire alone does not show."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings

from chargepoints.connection import announce_connected, claim, release
from chargepoints.station import LAST_COUNT, SequenceUsedUp
from chargepoints.station import Station as ConnectedStation
from events.facts import session_authorized
from ocpp_gateway.connection import Connection, ConnectionLost
from ocpp_gateway.gateway import SLICE_PAUSE_SECONDS, Gateway
from ocpp_gateway.presence import Owner, StaleEpoch
from ocpp_gateway.protocol.frames import CallError, CallResult
from ocpp_gateway.protocol.versions import OcppVersion
from ocpp_gateway.pulse import STALLED_SECONDS, Pulse
from tenants.clients import close_async_client
from tenants.unit_of_work import flush_commits
from tests.held import held
from tests.people import Installed, Operator

DEADLINE = 10.0
HEARTBEAT = '[2,"beat","Heartbeat",{}]'
STATUS = '[2,"status","StatusNotification",{"connectorId":0,"errorCode":"NoError","status":"Available"}]'


class Line:
    """The sending half of a socket that goes nowhere: keeps what is sent, and how it was closed."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[str] = asyncio.Queue()
        self.close_code: int | None = None
        self.closed = asyncio.Event()

    async def send(self, text: str) -> None:
        self.sent.put_nowait(text)

    async def close(self, code: int, reason: str) -> None:
        self.close_code = code
        self.closed.set()

    async def next(self) -> Any:
        """Return the next frame that is sent."""
        async with asyncio.timeout(DEADLINE):
            return json.loads(await self.sent.get())


@pytest.fixture(autouse=True)
async def settled() -> AsyncIterator[None]:
    """Whatever a test has begun to write is written, and its loop's database client closed."""
    yield
    await flush_commits()
    await close_async_client()


async def claimed(operator: Operator, charger: Installed) -> ConnectedStation:
    """Return a station with a socket of a new epoch."""
    now = datetime.now(UTC)
    return await claim(operator.record(), charger.identity, instance="test", ocpp_version="1.6", now=now)


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
async def connection(anna: Operator, charger: Installed, line: Line) -> Connection:
    """A connection of `charger` over `line`."""
    return Connection(await claimed(anna, charger), OcppVersion.V16, line)


async def done(task: asyncio.Task[Any]) -> Any:
    """Return what a task returns, in time."""
    async with asyncio.timeout(DEADLINE):
        return await task


# -- Our own calls -------------------------------------------------------------------------------


async def test_a_call_of_ours_is_answered(connection: Connection, line: Line) -> None:
    task = asyncio.create_task(connection.call("m1", "Reset", {"type": "Soft"}, 5))
    assert await line.next() == [2, "m1", "Reset", {"type": "Soft"}]
    await connection.receive('[3,"m1",{"status":"Accepted"}]')
    assert await done(task) == CallResult("m1", {"status": "Accepted"})


async def test_a_refusal_is_an_answer(connection: Connection, line: Line) -> None:
    task = asyncio.create_task(connection.call("m1", "Reset", {"type": "Soft"}, 5))
    await line.next()
    await connection.receive('[4,"m1","NotSupported","no"]')
    assert await done(task) == CallError("m1", "NotSupported", "no", {})


async def test_one_call_at_a_time(connection: Connection, line: Line) -> None:
    """OCPP-J 1.6 §4.1.1."""
    tasks = [asyncio.create_task(connection.call(f"m{n}", "ClearCache", {}, 5)) for n in range(3)]
    for number in range(3):
        assert (await line.next())[1] == f"m{number}"
        assert line.sent.empty(), "the next one waits for the answer"
        await connection.receive(f'[3,"m{number}",{{"status":"Accepted"}}]')
        await done(tasks[number])


async def test_the_directions_do_not_wait_for_each_other(
    connection: Connection, line: Line, anna: Operator, charger: Installed
) -> None:
    with held(anna, charger):
        await connection.receive(STATUS)
        task = asyncio.create_task(connection.call("m1", "ClearCache", {}, 5))
        assert (await line.next())[1] == "m1", "our call goes out while theirs is under way"
        await connection.receive('[3,"m1",{"status":"Accepted"}]')
        assert await done(task) == CallResult("m1", {"status": "Accepted"})
        assert line.sent.empty()
    assert await line.next() == [3, "status", {}]


async def test_their_calls_are_served_while_ours_waits(connection: Connection, line: Line) -> None:
    task = asyncio.create_task(connection.call("m1", "ClearCache", {}, 5))
    await line.next()
    await connection.receive(HEARTBEAT)
    assert (await line.next())[:2] == [3, "beat"]
    await connection.receive('[3,"m1",{"status":"Accepted"}]')
    await done(task)


async def test_the_same_id_in_both_directions_is_two_messages(connection: Connection, line: Line) -> None:
    task = asyncio.create_task(connection.call("beat", "ClearCache", {}, 5))
    await line.next()
    await connection.receive(HEARTBEAT)
    assert (await line.next())[:2] == [3, "beat"]
    assert not task.done()
    await connection.receive('[3,"beat",{"status":"Rejected"}]')
    assert await done(task) == CallResult("beat", {"status": "Rejected"})


async def test_silence_ends_a_call(connection: Connection, line: Line) -> None:
    with pytest.raises(TimeoutError):
        await connection.call("m1", "ClearCache", {}, 0.01)
    late: list[Any] = []
    connection.on_unexpected_answer = late.append
    await connection.receive('[3,"m1",{"status":"Accepted"}]')
    assert late == [CallResult("m1", {"status": "Accepted"})]
    assert (await line.next())[1] == "m1"
    task = asyncio.create_task(connection.call("m2", "ClearCache", {}, 5))
    assert (await line.next())[1] == "m2", "the next call has the line for itself"
    await connection.receive('[3,"m2",{"status":"Accepted"}]')
    await done(task)


async def test_an_answer_to_nothing_is_told_once(connection: Connection, line: Line) -> None:
    unexpected: list[Any] = []
    connection.on_unexpected_answer = unexpected.append
    task = asyncio.create_task(connection.call("m1", "ClearCache", {}, 5))
    await line.next()
    await connection.receive('[3,"M1",{}]')
    await connection.receive('[4,"m2","GenericError"]')
    assert not task.done()
    await connection.receive('[3,"m1",{"status":"Accepted"}]')
    await connection.receive('[3,"m1",{"status":"Rejected"}]')
    assert await done(task) == CallResult("m1", {"status": "Accepted"})
    await connection.receive('[3,"m1",{"status":"Rejected"}]')
    assert len(unexpected) >= 3


async def test_who_waits_is_told_when_the_socket_is_lost(connection: Connection, line: Line) -> None:
    tasks = [asyncio.create_task(connection.call(f"m{n}", "ClearCache", {}, 5)) for n in range(3)]
    await line.next()
    connection.lost()
    for task in tasks:
        with pytest.raises(ConnectionLost):
            await done(task)
    with pytest.raises(ConnectionLost):
        await connection.call("m9", "ClearCache", {}, 5)
    assert line.sent.empty()


# -- Their calls ---------------------------------------------------------------------------------


async def test_reading_stops_while_too_many_calls_wait(
    connection: Connection, line: Line, anna: Operator, charger: Installed
) -> None:
    async def keep_sending() -> None:
        for number in range(100):
            await connection.receive(f'[2,"{number}","Heartbeat",{{}}]')
            received.append(number)

    received: list[int] = []
    with held(anna, charger):
        await connection.receive(STATUS)
        sender = asyncio.create_task(keep_sending())
        await asyncio.wait({sender}, timeout=0.2)
        assert len(received) == settings.OCPP_READ_AHEAD - 1
    await done(sender)
    assert [(await line.next())[1] for _ in range(101)] == ["status", *map(str, range(100))]


async def test_after_the_close_nothing_is_answered_and_what_was_read_is_stored(
    connection: Connection, line: Line, anna: Operator, charger: Installed
) -> None:
    with held(anna, charger):
        await connection.receive(STATUS)
        await connection.receive(HEARTBEAT)
        await connection.close(1008, "replaced")
    async with asyncio.timeout(DEADLINE):
        await connection.drain()
    assert line.close_code == 1008
    assert line.sent.empty()
    assert anna.charge_point(charger.identity)["status"] == "available"
    await connection.receive(HEARTBEAT)
    assert line.sent.empty()


async def test_an_internal_error_is_not_repeated_from_memory(connection: Connection, line: Line) -> None:
    """What failed may work when the station asks again with the same frame."""

    def fail(**_: Any) -> None:
        raise RuntimeError("a receiver that must succeed has failed")

    fail.must_succeed = True  # type: ignore[attr-defined]
    frame = '[2,"same","Authorize",{"idTag":"a"}]'
    session_authorized.signal.connect(fail)
    try:
        await connection.receive(frame)
        assert (await line.next())[:3] == [4, "same", "InternalError"]
    finally:
        session_authorized.signal.disconnect(fail)
    await connection.receive(frame)
    assert (await line.next())[:2] == [3, "same"]


async def test_a_connection_that_has_told_sixteen_million_facts_begins_anew(
    connection: Connection, line: Line, anna: Operator, charger: Installed
) -> None:
    await announce_connected(connection.station, datetime.now(UTC))
    connection.station._count = LAST_COUNT
    await connection.receive('[2,"a","Authorize",{"idTag":"a"}]')
    async with asyncio.timeout(DEADLINE):
        await connection.drain()
    assert (line.close_code, line.sent.empty()) == (1012, True)
    with pytest.raises(SequenceUsedUp):
        connection.station.next_sequence()


async def test_a_station_is_released_even_then(connection: Connection, anna: Operator, charger: Installed) -> None:
    connection.station._count = LAST_COUNT
    assert await release(connection.station, datetime.now(UTC), reason="gone")
    assert anna.charge_point(charger.identity)["connected"] is None


async def test_nothing_is_asked_over_a_socket_that_was_lost_while_the_process_stood_still(
    anna: Operator, charger: Installed, line: Line
) -> None:
    """The command was marked as sent just before; by now it has failed, and its caller knows."""

    async def find_out() -> None:
        await lost.close(1008, "replaced while this server stood still")

    pulse = Pulse(find_out)
    lost = Connection(await claimed(anna, charger), OcppVersion.V16, line, pulse=pulse)
    pulse.last_beat -= STALLED_SECONDS + 1
    with pytest.raises(ConnectionLost):
        await lost.call("m1", "ClearCache", {}, 5)
    assert (line.close_code, line.sent.empty()) == (1008, True)


# -- The gateway ---------------------------------------------------------------------------------


@pytest.fixture
def here(settings: Any) -> Gateway:
    """The gateway of a single process."""
    settings.REDIS_DISTRIBUTED_STATE = False
    return Gateway()


async def test_the_late_end_of_a_replaced_connection_leaves_the_new_owner(
    here: Gateway, anna: Operator, charger: Installed
) -> None:
    first_line, second_line = Line(), Line()
    first = await here.opened(await claimed(anna, charger), OcppVersion.V16, first_line)
    second = await here.opened(await claimed(anna, charger), OcppVersion.V16, second_line)
    async with asyncio.timeout(DEADLINE):
        await first_line.closed.wait()
    await here.closed(first, "late")
    key = (anna.slug, charger.identity)
    assert here.connections[key] is second
    owner = await here.presence.lookup(*key)
    assert owner is not None
    assert owner.epoch == second.station.epoch
    assert anna.charge_point(charger.identity)["connected"]["epoch"] == second.station.epoch
    assert (first_line.close_code, second_line.close_code) == (1008, None)
    await here.closed(second, "done")
    assert here.connections == {}
    assert await here.presence.lookup(*key) is None
    assert anna.charge_point(charger.identity)["connected"] is None


async def test_a_connection_that_is_slower_than_a_newer_one_gives_way(
    here: Gateway, anna: Operator, charger: Installed
) -> None:
    slow, fast = await claimed(anna, charger), await claimed(anna, charger)
    newer = await here.opened(fast, OcppVersion.V16, Line())
    with pytest.raises(StaleEpoch):
        await here.opened(slow, OcppVersion.V16, Line())
    assert here.connections == {(anna.slug, charger.identity): newer}


async def test_a_connection_that_lost_to_another_instance_leaves_nothing_behind(
    here: Gateway, anna: Operator, charger: Installed
) -> None:
    slow = await claimed(anna, charger)
    now = datetime.now(UTC)
    await here.presence.claim(Owner(anna.slug, charger.identity, "elsewhere", slow.epoch + 1, "1.6", now))
    with pytest.raises(StaleEpoch):
        await here.opened(slow, OcppVersion.V16, Line())
    assert (here.connections, here.pumps) == ({}, {})


async def test_a_process_that_ends_answers_what_it_has_read(
    here: Gateway, line: Line, anna: Operator, charger: Installed
) -> None:
    connection = await here.opened(await claimed(anna, charger), OcppVersion.V16, line)
    with held(anna, charger):
        await connection.receive(STATUS)
        await connection.receive(HEARTBEAT)
        ending = asyncio.create_task(here.drain())
        await asyncio.wait({ending}, timeout=0.1)
        assert not line.closed.is_set()
    assert [(await line.next())[1] for _ in range(2)] == ["status", "beat"]
    async with asyncio.timeout(DEADLINE):
        await line.closed.wait()
    assert line.close_code == 1012
    await here.closed(connection, "closed with code 1012")
    await done(ending)


async def test_a_process_that_ends_waits_until_the_end_of_its_sockets_is_stored(
    here: Gateway, line: Line, anna: Operator, charger: Installed
) -> None:
    """Also one that was without sockets for a moment before."""
    await here.closed(await here.opened(await claimed(anna, charger), OcppVersion.V16, Line()), "gone")
    connection = await here.opened(await claimed(anna, charger), OcppVersion.V16, line)
    ending = asyncio.create_task(here.drain())
    async with asyncio.timeout(DEADLINE):
        await line.closed.wait()
    await asyncio.wait({ending}, timeout=10 * SLICE_PAUSE_SECONDS)
    assert not ending.done()
    await here.closed(connection, "closed with code 1012")
    await done(ending)
    assert anna.charge_point(charger.identity)["connected"] is None


async def test_a_station_that_comes_while_a_command_for_it_is_stored_is_sent_it(
    here: Gateway, line: Line, anna: Operator, charger: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first look for commands may have been too early, and the caller's look for its instance, too."""
    station = await claimed(anna, charger)
    station.booted, station.registration = True, "accepted"
    connection = await here.opened(station, OcppVersion.V16, line)
    lookup, too_early = here.presence.lookup, [False, True, False]

    async def looked_up(tenant: str, identity: str) -> Owner | None:
        return None if too_early.pop(0) else await lookup(tenant, identity)

    monkeypatch.setattr(here.presence, "lookup", looked_up)
    for _ in range(2):
        await here.pumps[anna.slug, charger.identity].idle_within(DEADLINE)
        command, _ = await here.dispatcher.submit(anna.record(), charger.to_clear_its_cache())
        assert (await line.next())[1] == command["_id"]
        await connection.receive(f'[3,"{command["_id"]}",{{"status":"Accepted"}}]')
    await here.pumps[anna.slug, charger.identity].idle_within(DEADLINE)
    await here.closed(connection, "done")
    assert too_early == []


async def test_storage_that_stays_away_ends_the_socket_without_an_answer(
    anna: Operator, charger: Installed, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A station keeps its messages while it is offline, and discards them after some errors."""
    monkeypatch.setattr(settings, "STORAGE_TIMEOUT", 0.3)
    connection = Connection(await claimed(anna, charger), OcppVersion.V16, line)
    with held(anna, charger):
        await connection.receive(STATUS)
        await connection.receive(HEARTBEAT)
        async with asyncio.timeout(DEADLINE):
            await connection.drain()
    assert (line.close_code, line.sent.empty()) == (1013, True)
