"""Security events of stations: stored once, and announced."""

from __future__ import annotations

import hashlib
from datetime import datetime

from chargepoints.models import SecurityEvent
from chargepoints.station import Station
from events.facts import security_event_reported
from tenants.group_commit import DuplicateRecord

SECURITY_EVENTS = SecurityEvent._meta.db_table


async def record_security_event(station: Station, kind: str, at: datetime, tech_info: str, now: datetime) -> None:
    """Store and announce an event; one that was reported before is left as it is.

    It needs no fence: it is a fact whoever brings it, and its id makes a second copy harmless.
    """
    document = {
        "_id": _id(station.id, kind, at, tech_info),
        "charge_point_id": station.id,
        "type": kind,
        "timestamp": at,
        "tech_info": tech_info,
        "received_at": now,
    }
    unit = station.unit_of_work()
    unit.insert(SECURITY_EVENTS, document)
    data = {"security_event_id": document["_id"], "type": kind, "tech_info": tech_info}
    station.announce(unit, security_event_reported, at, data)
    try:
        await unit.commit()
    except DuplicateRecord:
        return


def _id(*parts: object) -> str:
    text = "\0".join(str(part) for part in parts)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]
