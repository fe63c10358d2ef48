"""Security events of stations: what they report, and what this server notices of them. Stored once, and announced."""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum

from chargepoints.models import SecurityEvent, SecurityEventSource
from chargepoints.station import Station
from events.facts import security_event_reported
from tenants.clients import Document
from tenants.group_commit import DuplicateRecord

SECURITY_EVENTS = SecurityEvent._meta.db_table
TECH_INFO_LENGTH = 255


class Noticed(StrEnum):
    """What this server notices by itself."""

    TAKEN_OVER = "ConnectionTakenOver"
    EXPELLED = "ConnectionExpelled"
    LOCKED_OUT = "LoginBlocked"
    FLAPPING = "ConnectionFlapping"
    FOREIGN_TRANSACTION = "ForeignTransaction"
    FOREIGN_RESERVATION = "ForeignReservation"
    FOREIGN_MESSAGE = "ForeignMessage"
    PROFILE_TOO_LOW = "SecurityProfileTooLow"
    PROFILE_RAISED = "SecurityProfileRaised"
    CERTIFICATE_REFUSED = "ClientCertificateRefused"
    OTHER_SERIAL_NUMBER = "SerialNumberMismatch"


async def record_security_event(station: Station, kind: str, at: datetime, tech_info: str, now: datetime) -> None:
    """Store and announce an event; one that was reported before is left as it is.

    It needs no fence: it is a fact whoever brings it, and its id makes a second copy harmless.
    """
    event_id = _id(station.id, kind, at, tech_info)
    facts = {"type": kind, "timestamp": at, "tech_info": tech_info, "source": SecurityEventSource.STATION.value}
    await _store(station, event_id, facts, now)


async def record_noticed(station: Station, kind: Noticed, tech_info: str, now: datetime, *, occasion: object) -> None:
    """Store and announce what was noticed of a station, once for each `occasion`.

    Raises:
        NothingMatched: the station was taken for offline and has connected meanwhile; nothing was stored.
    """
    source = SecurityEventSource.SERVER.value
    # The source is part of it, so that no station can report it away.
    event_id = _id(station.id, kind, occasion, source)
    text = tech_info[:TECH_INFO_LENGTH]
    await _store(station, event_id, {"type": kind.value, "timestamp": now, "tech_info": text, "source": source}, now)


async def _store(station: Station, event_id: str, facts: Document, now: datetime) -> None:
    unit = station.unit_of_work()
    if station.taken_from is not None:
        station.fence(unit, now)
    unit.insert(SECURITY_EVENTS, {"_id": event_id, "charge_point_id": station.id, **facts, "received_at": now})
    data = {"security_event_id": event_id, **{name: facts[name] for name in ("type", "tech_info", "source")}}
    station.announce(unit, security_event_reported, facts["timestamp"], data)
    try:
        await unit.commit()
    except DuplicateRecord:
        return


def _id(*parts: object) -> str:
    text = "\0".join(str(part) for part in parts)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]
