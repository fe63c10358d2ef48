"""Reservations: a connector kept for somebody, from the station's answer to its end.

A reservation ends when a transaction uses it, when its time is over, when it is cancelled, and when its connector or
its station becomes faulted or unavailable (OCPP 1.6 §5.13). The station decides; what it reports is followed here.
Each step is one conditional update with its event, so that of two reports of the same end one tells of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chargepoints.models import CommandState, ConnectorState, Reservation, ReservationState
from chargepoints.station import Station
from events.facts import RESERVATION_KINDS
from tenants.clients import Document
from tenants.group_commit import NothingMatched
from tenants.grouped_reads import grouped_reads
from tenants.unit_of_work import UnitOfWork

RESERVATIONS = Reservation._meta.db_table
REQUESTED, ACTIVE, FAILED = ReservationState.REQUESTED, ReservationState.ACTIVE, ReservationState.FAILED
OPEN = (REQUESTED.value, ACTIVE.value)
# A station's clock may be this much ahead of ours: what it frees within this time before the end has expired.
CLOCK_TOLERANCE = timedelta(minutes=1)
_KEPT = (("state", (ACTIVE.value,)),)
_TERMINATING = {ConnectorState.FAULTED.value, ConnectorState.UNAVAILABLE.value}
_ENDED_COMMANDS = {
    CommandState.EXPIRED.value: ReservationState.EXPIRED,
    CommandState.CANCELLED.value: ReservationState.CANCELLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationRequest:
    """What a station was asked to keep."""

    reservation_id: int
    evse_id: int
    id_tag: str
    parent_id_tag: str
    expires_at: datetime


def key_of(station_id: str, number: int) -> str:
    """Return the id of the reservation that a station knows under a number."""
    return f"{station_id}:{number}"


def settle_request(
    unit: UnitOfWork, station: Station, request: ReservationRequest, command: Document, *, answer: str, now: datetime
) -> None:
    """Add to a unit of work what the end of the command to reserve means.

    A command that was given without a reservation leaves one too: the station holds it, whoever asked.

    Args:
        answer: the station's word, in lower case; empty where it gave none.
    """
    key = key_of(station.id, request.reservation_id)
    unit.update(RESERVATIONS, {"_id": key}, {"$setOnInsert": _unbooked(station, request, command)}, upsert=True)
    state, reason = _meaning(command, answer)
    change: dict[str, Any] = {
        "state": state.value,
        "answer": answer,
        "end_reason": reason,
        "updated_at": now,
        "command_id": command["_id"],
    }
    # One that failed without an answer may get it late.
    expected = [REQUESTED.value, FAILED.value]
    if state is ACTIVE:
        # The same number again replaces the reservation (OCPP 1.6 §5.13).
        expected.append(ACTIVE.value)
        change |= {"id_tag": request.id_tag, "token_id": request.id_tag.lower()}
        change |= {"parent_id_tag": request.parent_id_tag, "expires_at": request.expires_at}
    else:
        change["holds"] = False
    unit.update(RESERVATIONS, {"_id": key, "state": {"$in": expected}}, {"$set": change})
    _announce(unit, station, {**_facts(request), **change}, now)


def _meaning(command: Document, answer: str) -> tuple[ReservationState, str]:
    if command["state"] == CommandState.ACCEPTED.value:
        return ACTIVE, ""
    if command["state"] == CommandState.REJECTED.value:
        return ReservationState.REFUSED, answer
    state = _ENDED_COMMANDS.get(command["state"], FAILED)
    reason = (command["error"] or {}).get("code", "")
    return state, reason[:50] if state is FAILED else "never_sent"


def _facts(request: ReservationRequest) -> dict[str, Any]:
    return {
        "reservation_id": request.reservation_id,
        "evse_id": request.evse_id,
        "id_tag": request.id_tag,
        "parent_id_tag": request.parent_id_tag,
        "expires_at": request.expires_at,
    }


def _unbooked(station: Station, request: ReservationRequest, command: Document) -> Document:
    return {
        "charge_point_id": station.id,
        **_facts(request),
        "token_id": request.id_tag.lower(),
        "state": REQUESTED.value,
        "holds": False,
        "answer": "",
        "end_reason": "",
        "session_id": "",
        "command_id": command["_id"],
        "requested_by": command["requested_by"],
        "created_at": command["created_at"],
        "updated_at": command["created_at"],
    }


def settle_cancellation(unit: UnitOfWork, station: Station, number: int, reason: str, now: datetime) -> None:
    """Add to a unit of work that a station holds no reservation of this number any more."""
    key = key_of(station.id, number)
    change = _ending(ReservationState.CANCELLED, reason, now)
    query = {"_id": key, "state": {"$in": [*OPEN, FAILED.value]}}
    unit.update(RESERVATIONS, query, {"$set": change})
    # Whose it was is not looked up: the number says it, and what was reserved was told before.
    unknown = dict.fromkeys(("evse_id", "id_tag", "parent_id_tag", "expires_at"))
    _announce(unit, station, {"reservation_id": number, **unknown, "answer": "", **change}, now)


def _ending(state: ReservationState, reason: str, now: datetime) -> dict[str, Any]:
    return {"state": state.value, "holds": False, "end_reason": reason, "updated_at": now}


_ANNOUNCED = ("reservation_id", "evse_id", "id_tag", "parent_id_tag", "expires_at", "state", "answer", "end_reason")


def _announce(unit: UnitOfWork, station: Station, document: Document, at: datetime, session_id: str = "") -> None:
    data = {name: document[name] for name in _ANNOUNCED}
    station.announce(unit, RESERVATION_KINDS[document["state"]], at, data, session_id or None)


async def find_reservation(station: Station, number: int) -> Document | None:
    """Return the reservation that a station knows under a number, or None."""
    return await station.tenant.database[RESERVATIONS].find_one({"_id": key_of(station.id, number)})


async def reservation_doubts(station: Station, number: int, token_id: str, parent_id_tag: str) -> list[str]:
    """Return the quality flags of a session that names a reservation: it is the token's, or its group's, or not."""
    reservation = await find_reservation(station, number)
    if reservation is None:
        # Some stations write 0 or -1 where there is none.
        return ["reservation_unknown"] if number > 0 else []
    return [] if _is_for(reservation, token_id, parent_id_tag) else ["reservation_of_other"]


def _is_for(reservation: Document, token_id: str, parent_id_tag: str) -> bool:
    parent = reservation["parent_id_tag"].lower()
    return reservation["token_id"] == token_id or (bool(parent) and parent == parent_id_tag.lower())


async def kept_reservations(station: Station) -> list[Document]:
    """Return the reservations that a station keeps now."""
    return await grouped_reads(station.tenant, RESERVATIONS, field="charge_point_id", where=_KEPT).find(station.id)


def reservation_at(kept: list[Document], evse_id: int, token_id: str, parent_id_tag: str, at: datetime) -> int | None:
    """Return the number of the reservation that a start uses which does not name it, as some stations do not.

    It is the one that the token, or its group, has at that connector, or else at any; none that was made later.
    """
    for reservation in sorted(kept, key=lambda one: one["evse_id"], reverse=True):
        here = reservation["evse_id"] in (evse_id, 0) and reservation["created_at"] <= at + CLOCK_TOLERANCE
        if here and _is_for(reservation, token_id, parent_id_tag):
            return int(reservation["reservation_id"])
    return None


async def use_reservation(station: Station, number: int, session_id: str, at: datetime, now: datetime) -> bool:
    """Store and announce that a session uses a reservation; return whether the station has ever had it.

    Nothing happens if the use is known already.
    The station's word counts even for a reservation that had ended here: the start may come late.
    """
    reservation = await find_reservation(station, number)
    if reservation is None:
        return False
    if reservation["state"] != ReservationState.USED.value:
        change = _ending(ReservationState.USED, "", now) | {"session_id": session_id}
        await _end(station, reservation, change, at, session_id)
    return True


async def follow_status(station: Station, evse_id: int, before: str, after: str, now: datetime) -> None:
    """Store and announce what a connector's, or with EVSE 0 the station's, new state means for its reservations."""
    reserved = ConnectorState.RESERVED.value
    if after in _TERMINATING:
        state, reason = ReservationState.CANCELLED, f"connector_{after}" if evse_id else f"station_{after}"
    elif before == reserved and after == ConnectorState.AVAILABLE.value:
        state, reason = ReservationState.CANCELLED, "released_by_station"
    else:
        return
    query: Document = {"charge_point_id": station.id, "state": ACTIVE.value}
    if evse_id:
        query["evse_id"] = evse_id
    async for reservation in station.tenant.database[RESERVATIONS].find(query):
        over = reservation["expires_at"] <= now + CLOCK_TOLERANCE
        change = _ending(ReservationState.EXPIRED, "", now) if over else _ending(state, reason, now)
        await _end(station, reservation, change, now)


async def expire_reservation(station: Station, reservation: Document, now: datetime) -> None:
    """Store and announce that a reservation's time is over; nothing happens if it has ended otherwise."""
    await _end(station, reservation, _ending(ReservationState.EXPIRED, "", now), now, fenced=True)


async def abandon_request(station: Station, reservation: Document, now: datetime) -> None:
    """Store and announce that nobody will ever ask the station for a reservation: its command is not there."""
    await _end(station, reservation, _ending(FAILED, "command_lost", now), now, fenced=True)


async def _end(
    station: Station,
    reservation: Document,
    change: dict[str, Any],
    at: datetime,
    session_id: str = "",
    *,
    fenced: bool = False,
) -> None:
    unit = station.unit_of_work()
    if fenced:
        station.fence(unit, at)
    query = {"_id": reservation["_id"], "state": reservation["state"]}
    unit.update(RESERVATIONS, query, {"$set": change}, must_match=True)
    _announce(unit, station, reservation | change, at, session_id)
    try:
        await unit.commit()
    except NothingMatched:
        return  # it has ended meanwhile, and whoever ended it has told of it
