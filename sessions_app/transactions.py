"""A charging session begins and ends.

Neither message is ever refused (OCPP 1.6 §5.11, §5.16): the energy has flowed, whatever we think of the tag or the
numbers. Doubts are flagged on the session instead. Both may arrive twice, late, after a reboot or over another
connection; each is stored and announced once and always answered alike.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from chargepoints import reservations
from chargepoints.station import Station
from events.facts import session_started, session_stopped
from sessions_app import active_sessions
from sessions_app.authorization import (
    SESSIONS,
    Authorization,
    AuthorizationStatus,
    StartVerdict,
    authorize_start,
    check_token,
    token_key,
)
from sessions_app.foreign_references import notice_reservation, notice_transaction
from sessions_app.meter_values import announce_readings
from sessions_app.metering import METER_VALUES, Reading, meter_value_document
from sessions_app.superseded import end_sessions, sessions_before
from sessions_app.transaction_ids import next_transaction_id
from tenants.clients import Document
from tenants.group_commit import DuplicateRecord, NothingMatched
from tenants.grouped_reads import grouped_reads
from tenants.unit_of_work import UnitOfWork

# A message this much older than its arrival was queued while the station was offline.
LATE_AFTER = timedelta(minutes=5)
# No station clock that is set shows a time before this product existed, or one in the future.
FIRST_PLAUSIBLE = datetime(2020, 1, 1, tzinfo=UTC)
FUTURE_TOLERANCE = timedelta(minutes=10)
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class StartReport:
    """What a station says when a session begins. Meter values in Wh."""

    evse_id: int
    connector_id: int
    id_tag: str
    meter_wh: float
    timestamp: datetime
    reservation_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopReport:
    """What a station says when a session ends. Meter values in Wh; the tag only if one was presented."""

    transaction_id: int
    meter_wh: float
    timestamp: datetime
    reason: str
    id_tag: str = ""
    readings: Sequence[Reading] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Started:
    """The answer to a start: the transaction id and the verdict on the tag."""

    transaction_id: int
    authorization: Authorization


async def start_session(station: Station, report: StartReport, now: datetime) -> Started:
    """Store and announce the start of a session and return its transaction id.

    The same start sent again (same EVSE, tag, time and meter value) gets the first answer. A fresh check would
    find the tag busy with its own session, and the station would stop it.
    """
    session_id = _start_id(station, report)
    # Read meanwhile: a start waits for one thing after the other as it is.
    kept, started = await asyncio.gather(_kept(station, report), _start(station, session_id, report, now))
    number = report.reservation_id
    if number is None:
        parent, token = started.authorization.parent_id_tag, token_key(report.id_tag)
        number = reservations.reservation_at(kept, report.evse_id, token, parent, report.timestamp)
    await _use_reservation(station, number, session_id, report, now)
    return started


async def _kept(station: Station, report: StartReport) -> list[Document]:
    """Return the reservations one of which a start may use without naming it."""
    return [] if report.reservation_id is not None else await reservations.kept_reservations(station)


async def _use_reservation(
    station: Station, number: int | None, session_id: str, report: StartReport, now: datetime
) -> None:
    if number is None:
        return
    known = await reservations.use_reservation(station, number, session_id, report.timestamp, now)
    if not known:
        await notice_reservation(station, number, now)


async def _start(station: Station, session_id: str, report: StartReport, now: datetime) -> Started:
    transaction_id: int | None = None
    while True:  # once more only if another session of the token was stored, or one at the connector has ended
        document = _started(station, session_id, report, now)
        stored, over = await asyncio.gather(_session(station, session_id), sessions_before(station, document))
        if stored is not None:
            return await _first_answer(station, stored, now)
        verdict = await authorize_start(station.tenant, report.id_tag, now, over=[one["_id"] for one in over])
        document["authorization"] = verdict.authorization.status.value
        await _add_doubts(station, document, verdict)
        if transaction_id is None:
            transaction_id = await next_transaction_id(station.tenant)
        document["transaction_id"] = transaction_id
        try:
            await _store_start(station, document, verdict, over)
        except NothingMatched:
            continue
        except DuplicateRecord:
            # The first copy came over a connection that broke and was stored meanwhile.
            stored = await _session(station, session_id)
            if stored is None:
                raise
            return await _first_answer(station, stored, now)
        active_sessions.remember(station.tenant, station.id, document)
        return Started(transaction_id, verdict.authorization)


async def _add_doubts(station: Station, document: Document, verdict: StartVerdict) -> None:
    """Flag what is doubtful about the reservation that a new session names."""
    number = document["reservation_id"]
    if number is not None:
        parent = verdict.authorization.parent_id_tag
        document["quality"] += await reservations.reservation_doubts(station, number, document["token_id"], parent)


async def _store_start(station: Station, document: Document, verdict: StartVerdict, over: list[Document]) -> None:
    unit = station.unit_of_work()
    end_sessions(unit, station, over, document["start_time"])
    unit.insert(SESSIONS, document)
    verdict.require(unit)
    data = _start_event(document)
    station.announce(unit, session_started, document["start_time"], data, document["_id"])
    await unit.commit()


def _start_id(station: Station, report: StartReport) -> str:
    # The reservation is left out: it says nothing about which session this is.
    facts = (
        station.id,
        str(report.evse_id),
        token_key(report.id_tag),
        report.timestamp.astimezone(UTC).isoformat(),
        repr(float(report.meter_wh)),
    )
    return hashlib.blake2b("\0".join(facts).encode("utf-8"), digest_size=16).hexdigest()


async def _session(station: Station, session_id: str) -> Document | None:
    return await grouped_reads(station.tenant, SESSIONS).find_one(session_id)


async def _session_of(station: Station, transaction_id: int) -> Document | None:
    known = active_sessions.remembered(station.tenant, station.id, transaction_id)
    if known is not None:
        return await _session(station, known.session_id)
    return await station.tenant.database[SESSIONS].find_one(
        {"charge_point_id": station.id, "transaction_id": transaction_id}
    )


async def _first_answer(station: Station, stored: Document, now: datetime) -> Started:
    verdict, _ = await check_token(station.tenant, stored["id_tag"], now)
    status = AuthorizationStatus(stored["authorization"])
    return Started(int(stored["transaction_id"]), Authorization(status, verdict.expires_at, verdict.parent_id_tag))


def _started(station: Station, session_id: str, report: StartReport, now: datetime) -> Document:
    return {
        "_id": session_id,
        "charge_point_id": station.id,
        "evse_id": report.evse_id,
        "connector_id": report.connector_id,
        "transaction_id": None,
        "id_tag": report.id_tag,
        "token_id": token_key(report.id_tag),
        "stop_id_tag": "",
        "authorization": "",
        "start_time": report.timestamp,
        "stop_time": None,
        "start_meter_value": report.meter_wh,
        "stop_meter_value": None,
        "energy_wh": 0.0,
        "power_w": None,
        "current_a": None,
        "voltage_v": None,
        "soc_percent": None,
        "live_at": None,
        "status": "active",
        "stop_reason": "",
        "reservation_id": report.reservation_id,
        "quality": _time_flags(report.timestamp, now),
        "received_at": now,
        "stop_received_at": None,
    }


def _time_flags(timestamp: datetime, now: datetime) -> list[str]:
    if timestamp < FIRST_PLAUSIBLE or timestamp > now + FUTURE_TOLERANCE:
        return ["clock_suspect"]
    return ["late"] if timestamp < now - LATE_AFTER else []


def _start_event(document: Document) -> dict[str, Any]:
    return {
        name: document[name]
        for name in (
            "evse_id",
            "connector_id",
            "transaction_id",
            "id_tag",
            "authorization",
            "start_time",
            "start_meter_value",
            "reservation_id",
            "quality",
        )
    }


async def stop_session(station: Station, report: StopReport, now: datetime) -> Authorization | None:
    """Store and announce the end of a session; return the verdict on the tag if one was presented.

    An unknown transaction is kept as a session of its own, flagged `orphan`. A repeated stop changes nothing.
    """
    for attempts_left in reversed(range(_ATTEMPTS)):
        try:
            await _store_stop(station, report, now)
            break
        except DuplicateRecord:
            if not attempts_left:
                raise
    active_sessions.forget(station.tenant, station.id, report.transaction_id)
    if not report.id_tag:
        return None
    verdict, _ = await check_token(station.tenant, report.id_tag, now)
    return verdict


async def _store_stop(station: Station, report: StopReport, now: datetime) -> None:
    """Store a stop, unless it is stored.

    Raises:
        DuplicateRecord: part of it came in meanwhile over another connection; what is left is worth another look.
    """
    stored = await _session_of(station, report.transaction_id)
    if stored is None:
        await _store_orphan(station, report, now)
        await notice_transaction(station, report.transaction_id, now)
    elif stored["status"] != "completed":
        await _complete(station, stored, report, now)


async def _complete(station: Station, stored: Document, report: StopReport, now: datetime) -> None:
    change = _stop_change(stored, report, now)
    unit = station.unit_of_work()
    unit.update(SESSIONS, {"_id": stored["_id"], "status": stored["status"]}, {"$set": change}, must_match=True)
    await _add_readings(unit, station, stored, report, now)
    station.announce(unit, session_stopped, report.timestamp, _stop_event(stored | change), stored["_id"])
    try:
        await unit.commit()
    except NothingMatched:
        # Ended meanwhile by the same message over another connection: that one has told of it.
        return


def _stop_change(stored: Document, report: StopReport, now: datetime) -> dict[str, Any]:
    start = stored["start_meter_value"]
    flags = [flag for flag in _time_flags(report.timestamp, now) if flag not in stored["quality"]]
    if start is not None and report.meter_wh < start:
        flags.append("meter_decreased")
    if stored["start_time"] is not None and report.timestamp < stored["start_time"]:
        flags.append("stop_before_start")
    return {
        "status": "completed",
        "stop_time": report.timestamp,
        "stop_meter_value": report.meter_wh,
        # Never an integer: the difference of two registers may need more than the 64 bits that MongoDB has.
        "energy_wh": max(0.0, float(report.meter_wh - start)) if start is not None else 0.0,
        "stop_reason": report.reason,
        "stop_id_tag": report.id_tag,
        "power_w": None,
        "current_a": None,
        "stop_received_at": now,
        "quality": stored["quality"] + flags,
    }


def _stop_event(document: Document) -> dict[str, Any]:
    return {
        name: document[name]
        for name in (
            "evse_id",
            "connector_id",
            "transaction_id",
            "id_tag",
            "stop_id_tag",
            "start_time",
            "stop_time",
            "start_meter_value",
            "stop_meter_value",
            "energy_wh",
            "stop_reason",
            "quality",
        )
    }


async def _add_readings(
    unit: UnitOfWork, station: Station, session: Document, report: StopReport, now: datetime
) -> None:
    """Add the readings a stop carries, without those the station has sent before or names twice."""
    documents: dict[Any, tuple[Reading, Document]] = {}
    for reading in report.readings:
        document = meter_value_document(
            station=station.id,
            session_id=session["_id"],
            evse_id=session["evse_id"] or 0,
            connector_id=session["connector_id"],
            transaction_id=report.transaction_id,
            reading=reading,
            now=now,
        )
        documents.setdefault(document["_id"], (reading, document))
    if not documents:
        return
    found = station.tenant.database[METER_VALUES].find({"_id": {"$in": list(documents)}}, projection=["_id"])
    async for known in found:
        del documents[known["_id"]]
    for _, document in documents.values():
        unit.insert(METER_VALUES, document)
    if documents:
        announce_readings(
            unit,
            station,
            [reading for reading, _ in documents.values()],
            evse_id=session["evse_id"],
            connector_id=session["connector_id"],
            transaction_id=report.transaction_id,
            session_id=session["_id"],
            now=now,
        )


async def _store_orphan(station: Station, report: StopReport, now: datetime) -> None:
    """Keep a stop whose start this station never sent, so that somebody can look into it."""
    document = _orphan(station, report, now)
    if await _session(station, document["_id"]) is not None:
        return  # the same stop, sent again
    unit = station.unit_of_work()
    unit.insert(SESSIONS, document)
    await _add_readings(unit, station, document, report, now)
    station.announce(unit, session_stopped, report.timestamp, _stop_event(document), document["_id"])
    await unit.commit()


def _orphan(station: Station, report: StopReport, now: datetime) -> Document:
    facts = (
        station.id,
        str(report.transaction_id),
        report.timestamp.isoformat(),
        repr(float(report.meter_wh)),
    )
    start = StartReport(evse_id=0, connector_id=0, id_tag=report.id_tag, meter_wh=0.0, timestamp=report.timestamp)
    session_id = hashlib.blake2b("\0".join(("orphan", *facts)).encode("utf-8"), digest_size=16).hexdigest()
    document = _started(station, session_id, start, now)
    unknown = {
        "evse_id": None,
        "connector_id": None,
        "start_time": None,
        "start_meter_value": None,
        "quality": ["orphan", f"transaction:{report.transaction_id}"],
    }
    document.update(unknown)
    return document | _stop_change(document, report, now)
