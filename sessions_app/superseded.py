"""Sessions whose stop never came: the next start at their connector shows that they are over.

A connector carries one transaction at a time, and a station sends its messages in order. Without this, the lost stop
would leave a session running for ever, and its tag busy with it: `ConcurrentTx` at every station from then on.
"""

from __future__ import annotations

from datetime import datetime

from chargepoints.station import Station
from events.facts import session_faulted
from sessions_app.models import ChargingSession
from tenants.clients import Document
from tenants.grouped_reads import grouped_reads
from tenants.unit_of_work import UnitOfWork

SESSIONS = ChargingSession._meta.db_table
SUPERSEDED = "superseded"
_RUNNING = (("status", ("active",)),)
_ANNOUNCED = (
    "evse_id",
    "connector_id",
    "transaction_id",
    "id_tag",
    "start_time",
    "start_meter_value",
    "energy_wh",
    "stop_reason",
    "quality",
)


async def sessions_before(station: Station, started: Document) -> list[Document]:
    """Return the sessions that still run at the connector of a new one and began before it."""
    if started["evse_id"] <= 0:
        return []  # the station does not say where
    place = (started["evse_id"], started["connector_id"])
    running = await grouped_reads(station.tenant, SESSIONS, field="charge_point_id", where=_RUNNING).find(station.id)
    return [
        session
        for session in running
        if (session["evse_id"], session["connector_id"]) == place and session["start_time"] < started["start_time"]
    ]


def end_sessions(unit: UnitOfWork, station: Station, sessions: list[Document], at: datetime) -> None:
    """Add to a unit of work that sessions are over; the energy is that of the last reading.

    A stop that comes all the same completes them. The commit fails with `NothingMatched` if one has come meanwhile.
    """
    change = {"status": "faulted", "stop_reason": SUPERSEDED, "power_w": None, "current_a": None}
    for session in sessions:
        unit.update(SESSIONS, {"_id": session["_id"], "status": "active"}, {"$set": change}, must_match=True)
        ended = session | change
        data = {name: ended[name] for name in _ANNOUNCED}
        station.announce(unit, session_faulted, at, data, session["_id"])
