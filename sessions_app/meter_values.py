"""Taking in meter values: stored and announced before the station is answered, whatever they look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId

from chargepoints.station import Station
from events.facts import meter_values_received
from sessions_app import active_sessions
from sessions_app.active_sessions import SessionKey
from sessions_app.authorization import SESSIONS
from sessions_app.metering import METER_VALUES, Reading, live_values, meter_value_document, reading_event
from tenants.coalesced_writes import coalesced_writes
from tenants.group_commit import DuplicateRecord
from tenants.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class MeterReport:
    """The readings of one message; EVSE 0 is the main meter of the station."""

    evse_id: int
    connector_id: int | None
    transaction_id: int | None
    readings: Sequence[Reading]


async def record_meter_values(station: Station, report: MeterReport, now: datetime) -> None:
    """Store and announce meter values. They are never refused: an unknown transaction is kept as reported.

    A repeated message is stored and announced once.
    """
    session: SessionKey | None = None
    if report.transaction_id is not None:
        session = await active_sessions.find(station.tenant, station.id, report.transaction_id)
    documents = [_document(station, session, report, reading, now) for reading in report.readings]
    try:
        await _store(station, session, report, report.readings, documents, now)
    except DuplicateRecord:
        await _store_unknown(station, session, report, documents, now)
    if session is not None:
        _keep_live_values(station, session, report.readings)


def _document(
    station: Station, session: SessionKey | None, report: MeterReport, reading: Reading, now: datetime
) -> dict[str, Any]:
    return meter_value_document(
        station=station.id,
        session_id=session.session_id if session else None,
        evse_id=report.evse_id,
        connector_id=report.connector_id,
        transaction_id=report.transaction_id,
        reading=reading,
        now=now,
    )


async def _store(
    station: Station,
    session: SessionKey | None,
    report: MeterReport,
    readings: Sequence[Reading],
    documents: list[dict[str, Any]],
    now: datetime,
) -> None:
    unit = station.unit_of_work()
    for document in documents:
        unit.insert(METER_VALUES, document)
    announce_readings(
        unit,
        station,
        readings,
        evse_id=report.evse_id,
        connector_id=report.connector_id,
        transaction_id=report.transaction_id,
        session_id=session.session_id if session else None,
        now=now,
    )
    await unit.commit()


def announce_readings(
    unit: UnitOfWork,
    station: Station,
    readings: Sequence[Reading],
    *,
    evse_id: int | None,
    connector_id: int | None,
    transaction_id: int | None,
    session_id: str | None,
    now: datetime,
) -> None:
    """Add the announcement of readings to a unit of work."""
    station.announce(
        unit,
        meter_values_received,
        readings[0].timestamp if readings else now,
        {
            "evse_id": evse_id,
            "connector_id": connector_id,
            "transaction_id": transaction_id,
            "meter_values": [reading_event(reading) for reading in readings],
        },
        session_id,
    )


async def _store_unknown(
    station: Station,
    session: SessionKey | None,
    report: MeterReport,
    documents: list[dict[str, Any]],
    now: datetime,
) -> None:
    """Store those readings of a message that are not stored yet: a retry, or a message that repeats itself."""
    ids = [document["_id"] for document in documents]
    stored = {
        known["_id"]: known
        async for known in station.tenant.database[METER_VALUES].find({"_id": {"$in": ids}})
    }
    fresh: dict[ObjectId, tuple[Reading, dict[str, Any]]] = {}
    for reading, document in zip(report.readings, documents, strict=True):
        known = stored.get(document["_id"])
        if known is not None and not _same(known, document):
            document["_id"] = ObjectId()  # two readings of one second whose digests collide
            known = None
        if known is None:
            fresh.setdefault(document["_id"], (reading, document))
    if fresh:
        readings, missing = zip(*fresh.values(), strict=True)
        await _store(station, session, report, readings, list(missing), now)


def _same(known: dict[str, Any], document: dict[str, Any]) -> bool:
    return all(known[name] == document[name] for name in ("charge_point_id", "evse_id", "transaction_id"))


def _keep_live_values(station: Station, session: SessionKey, readings: Sequence[Reading]) -> None:
    newest = max(readings, key=lambda reading: reading.timestamp)
    live = live_values(newest.samples)
    values: dict[str, Any] = {
        name: value
        for name, value in (
            ("power_w", live.power_w),
            ("current_a", live.current_a),
            ("voltage_v", live.voltage_v),
            ("soc_percent", live.soc_percent),
        )
        if value is not None
    }
    values["live_at"] = newest.timestamp
    if live.register_wh is not None and session.start_meter_value is not None:
        values["energy_wh"] = max(0.0, live.register_wh - session.start_meter_value)
    # Only while the session runs: what is billed is the difference of the registers at its end.
    coalesced_writes().put(station.tenant, SESSIONS, {"_id": session.session_id, "status": "active"}, values)
