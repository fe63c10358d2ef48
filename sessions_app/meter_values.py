"""Taking in meter values: stored and announced before the station is answered, whatever they look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Any

from bson import ObjectId

from chargepoints.station import Station
from events.facts import meter_values_received
from sessions_app import active_sessions
from sessions_app.active_sessions import SessionKey
from sessions_app.authorization import SESSIONS
from sessions_app.foreign_references import notice_transaction
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
    intake = _Intake(station, session, report, now)
    stored = [(reading, intake.document(reading)) for reading in report.readings]
    try:
        await intake.store(stored)
    except DuplicateRecord:
        await intake.store_unknown(stored)
    if session is not None:
        _keep_live_values(station, session, report.readings, now)
    elif report.transaction_id is not None:
        await notice_transaction(station, report.transaction_id, now)


_Stored = tuple[Reading, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Intake:
    """One message on its way into the database."""

    station: Station
    session: SessionKey | None
    report: MeterReport
    now: datetime

    @property
    def session_id(self) -> str | None:
        return self.session.session_id if self.session else None

    def document(self, reading: Reading) -> dict[str, Any]:
        return meter_value_document(
            station=self.station.id,
            session_id=self.session_id,
            evse_id=self.report.evse_id,
            connector_id=self.report.connector_id,
            transaction_id=self.report.transaction_id,
            reading=reading,
            now=self.now,
        )

    async def store(self, stored: Sequence[_Stored]) -> None:
        unit = self.station.unit_of_work()
        for _, document in stored:
            unit.insert(METER_VALUES, document)
        announce_readings(
            unit,
            self.station,
            [reading for reading, _ in stored],
            evse_id=self.report.evse_id,
            connector_id=self.report.connector_id,
            transaction_id=self.report.transaction_id,
            session_id=self.session_id,
            now=self.now,
        )
        await unit.commit()

    async def store_unknown(self, stored: Sequence[_Stored]) -> None:
        """Store those readings that are not stored yet: the message is a retry, or repeats itself."""
        meter_values = self.station.tenant.database[METER_VALUES]
        ids = [document["_id"] for _, document in stored]
        known = {found["_id"]: found async for found in meter_values.find({"_id": {"$in": ids}})}
        fresh: dict[ObjectId, _Stored] = {}
        for reading, document in stored:
            twin = known.get(document["_id"])
            if twin is not None and not _same(twin, document):
                document["_id"] = ObjectId()  # two readings of one second whose digests collide
                twin = None
            if twin is None:
                fresh.setdefault(document["_id"], (reading, document))
        if fresh:
            await self.store(list(fresh.values()))


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


def _same(known: dict[str, Any], document: dict[str, Any]) -> bool:
    return all(known[name] == document[name] for name in ("charge_point_id", "evse_id", "transaction_id"))


def _keep_live_values(station: Station, session: SessionKey, readings: Sequence[Reading], now: datetime) -> None:
    newest = max(readings, key=attrgetter("timestamp"))
    if session.newest is not None and newest.timestamp < session.newest:
        return  # an older message that was sent again, or was overtaken
    # A clock that ran ahead must not silence the readings after it was set right.
    session.newest = min(newest.timestamp, now)
    # Only while the session runs: what is billed is the difference of the registers at its end.
    query = {"_id": session.session_id, "status": "active"}
    coalesced_writes().put(station.tenant, SESSIONS, query, partial(_live_change, session, newest))


def _live_change(session: SessionKey, reading: Reading) -> dict[str, Any]:
    live = live_values(reading.samples)
    measured = {
        "power_w": live.power_w,
        "current_a": live.current_a,
        "voltage_v": live.voltage_v,
        "soc_percent": live.soc_percent,
    }
    change: dict[str, Any] = {name: value for name, value in measured.items() if value is not None}
    change["live_at"] = reading.timestamp
    if live.register_wh is not None and session.start_meter_value is not None:
        change["energy_wh"] = max(0.0, live.register_wh - session.start_meter_value)
    return change
