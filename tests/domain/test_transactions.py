"""Sessions begin and end once, also when two connections of a station say so at the same moment."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chargepoints.station import Station
from sessions_app import active_sessions, transaction_ids
from sessions_app.authorization import AuthorizationStatus
from sessions_app.meter_values import MeterReport, record_meter_values
from sessions_app.metering import ENERGY, Reading
from sessions_app.transaction_ids import LAST_ID, TransactionIdsUsedUp, next_transaction_id
from sessions_app.transactions import Started, StartReport, StopReport, start_session, stop_session
from tenants.coalesced_writes import coalesced_writes
from tests.domain.conftest import connected
from tests.people import Installed, Operator


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def start(tag: str, **changes: Any) -> StartReport:
    """Return the start of a session at 1,000 Wh."""
    facts: dict[str, Any] = {"evse_id": 1, "connector_id": 1, "meter_wh": 1000, "timestamp": now()}
    return StartReport(id_tag=tag, **facts | changes)


def stop(started: Started, **changes: Any) -> StopReport:
    """Return the end of a session at 6,000 Wh."""
    facts: dict[str, Any] = {"meter_wh": 6000, "timestamp": now(), "reason": "local"}
    return StopReport(transaction_id=started.transaction_id, **facts | changes)


def reading(value: float, seconds: int = 0) -> Reading:
    """Return a reading of the energy register."""
    return Reading(now() + timedelta(seconds=seconds), [{"measurand": ENERGY, "value": value, "unit": "Wh"}])


async def both(anna: Operator, charger: Installed) -> tuple[Station, Station]:
    """Return a station twice: as the connection that broke sees it, and as the new one does."""
    return await connected(anna, charger), await connected(anna, charger)


async def test_a_start_over_two_connections_at_once_is_one_session(anna: Operator, charger: Installed) -> None:
    stations = await both(anna, charger)
    report = start(anna.issues(max_active=1))
    answers = await asyncio.gather(*(start_session(stations[n % 2], report, now()) for n in range(6)))
    assert len({answer.transaction_id for answer in answers}) == 1
    assert {answer.authorization.status for answer in answers} == {AuthorizationStatus.ACCEPTED}
    assert anna.only_session(charger.identity)["transaction_id"] == answers[0].transaction_id


async def test_a_stop_over_two_connections_at_once_is_one_end(anna: Operator, charger: Installed) -> None:
    old, new = await both(anna, charger)
    started = await start_session(old, start(anna.issues()), now())
    report = stop(started)
    await asyncio.gather(stop_session(old, report, now()), stop_session(new, report, now()))
    session = anna.only_session(charger.identity)
    assert (session["status"], session["energy_wh"]) == ("completed", 5000)


async def test_a_stop_with_readings_over_two_connections_at_once_is_one_end(anna: Operator, charger: Installed) -> None:
    old, new = await both(anna, charger)
    started = await start_session(old, start(anna.issues()), now())
    report = stop(started, readings=[reading(1000), reading(6000, 5)])
    await asyncio.gather(*(stop_session(station, report, now()) for station in (old, new, old, new)))
    assert anna.only_session(charger.identity)["status"] == "completed"
    assert len(anna.meter_values(charger.identity)) == 2


async def test_a_stop_whose_readings_arrive_meanwhile_by_themselves_is_stored(
    anna: Operator, charger: Installed
) -> None:
    old, new = await both(anna, charger)
    started = await start_session(old, start(anna.issues()), now())
    both_have = reading(5000)
    meter_report = MeterReport(1, 1, started.transaction_id, [both_have])
    await asyncio.gather(
        record_meter_values(old, meter_report, now()),
        stop_session(new, stop(started, readings=[both_have, reading(6000, 5)]), now()),
    )
    session = anna.only_session(charger.identity)
    assert (session["status"], session["energy_wh"]) == ("completed", 5000)
    assert len(anna.meter_values(charger.identity)) == 2


async def test_an_orphaned_stop_over_two_connections_at_once_is_kept_once(anna: Operator, charger: Installed) -> None:
    stations = await both(anna, charger)
    report = StopReport(
        transaction_id=-1, meter_wh=5, timestamp=now(), reason="local", readings=[reading(5), reading(6, 1)]
    )
    await asyncio.gather(*(stop_session(station, report, now()) for station in stations))
    assert anna.only_session(charger.identity)["quality"] == ["orphan", "transaction:-1"]
    assert len(anna.meter_values(charger.identity)) == 2


async def test_meter_values_over_two_connections_at_once_are_stored_once(anna: Operator, charger: Installed) -> None:
    stations = await both(anna, charger)
    report = MeterReport(1, 1, None, [reading(1), reading(2, 1)])
    await asyncio.gather(*(record_meter_values(stations[n % 2], report, now()) for n in range(6)))
    assert len(anna.meter_values(charger.identity)) == 2


# -- Live values ---------------------------------------------------------------------------------


async def report_register(station: Station, started: Started, value: float, seconds: int = 0) -> None:
    """Have a station send a reading of its session, and what follows from it written."""
    report = MeterReport(1, 1, started.transaction_id, [reading(value, seconds)])
    await record_meter_values(station, report, now())
    await coalesced_writes().flush()


async def test_the_energy_of_a_session_grows_with_its_register(
    station: Station, anna: Operator, charger: Installed
) -> None:
    started = await start_session(station, start(anna.issues()), now())
    for seconds, (register, energy) in enumerate([(1500, 500), (4000, 3000)]):
        await report_register(station, started, register, seconds)
        session = anna.only_session(charger.identity)
        assert (session["energy_wh"], session["status"]) == (energy, "active")
        assert session["live_at"] is not None


@pytest.mark.parametrize("register", [0, 999, -1])
async def test_energy_is_never_negative(station: Station, anna: Operator, charger: Installed, register: float) -> None:
    started = await start_session(station, start(anna.issues()), now())
    await report_register(station, started, register)
    assert anna.only_session(charger.identity)["energy_wh"] == 0


async def test_a_register_at_the_end_of_the_scale_harms_no_other_session(
    station: Station, anna: Operator, boris: Operator, charger: Installed
) -> None:
    """Live values of all sessions are written together."""
    odd = await start_session(station, start(anna.issues(), meter_wh=-(2**63)), now())
    neighbour = anna.installs()
    other = await connected(anna, neighbour)
    even = await start_session(other, start(anna.issues()), now())
    far = boris.installs()
    third = await connected(boris, far)
    also = await start_session(third, start(boris.issues()), now())
    for where, started, value in ((station, odd, 2**52), (other, even, 1700), (third, also, 1800)):
        await record_meter_values(where, MeterReport(1, 1, started.transaction_id, [reading(value)]), now())
    await coalesced_writes().flush()
    assert anna.only_session(neighbour.identity)["energy_wh"] == 700
    assert boris.only_session(far.identity)["energy_wh"] == 800
    assert anna.only_session(charger.identity)["energy_wh"] == pytest.approx(2.0**63 + 2.0**52)


async def test_a_finished_session_keeps_its_energy(station: Station, anna: Operator, charger: Installed) -> None:
    started = await start_session(station, start(anna.issues()), now())
    report = MeterReport(1, 1, started.transaction_id, [reading(9000)])
    await record_meter_values(station, report, now())
    await stop_session(station, stop(started), now())
    await coalesced_writes().flush()
    session = anna.only_session(charger.identity)
    assert (session["energy_wh"], session["live_at"]) == (5000, None)


# -- Transaction ids -----------------------------------------------------------------------------


async def test_ids_of_several_processes_are_never_the_same(anna: Operator) -> None:
    """A process takes a block of ids; here each "process" forgets its block, as one that was killed."""
    taken: list[int] = []
    for _ in range(3):
        transaction_ids._blocks.clear()
        taken += await asyncio.gather(*(next_transaction_id(anna.record()) for _ in range(150)))
    assert len(set(taken)) == 450
    assert min(taken) > 0


async def test_ids_end_where_those_of_ocpp_1_6_do(global_database: None) -> None:
    dora = Operator.founding("dora")
    dora.db["counters"].insert_one({"_id": "transaction_id", "value": LAST_ID - 101})
    last = [await next_transaction_id(dora.record()) for _ in range(100)]
    assert max(last) == LAST_ID - 1
    with pytest.raises(TransactionIdsUsedUp):
        await next_transaction_id(dora.record())


# -- Remembered sessions -------------------------------------------------------------------------


async def test_a_remembered_session_is_that_of_its_station_and_tenant(
    station: Station, anna: Operator, boris: Operator
) -> None:
    started = await start_session(station, start(anna.issues()), now())
    neighbour, stranger = await connected(anna, anna.installs()), await connected(boris, boris.installs())
    found = await active_sessions.find(station.tenant, station.id, started.transaction_id)
    assert found is not None
    for other in (neighbour, stranger):
        assert await active_sessions.find(other.tenant, other.id, started.transaction_id) is None


async def test_what_is_remembered_stays_bounded(
    station: Station, anna: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(active_sessions, "REMEMBERED", len(active_sessions._remembered) + 2)
    started = [await start_session(station, start(anna.issues(), evse_id=evse), now()) for evse in range(1, 6)]
    assert len(active_sessions._remembered) <= active_sessions.REMEMBERED
    for one in started:
        assert await active_sessions.find(station.tenant, station.id, one.transaction_id) is not None
