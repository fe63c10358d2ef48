"""A station that names what belongs to another one: answered as any unknown number, and told to an operator.

Every look-up is by tenant, station and number, so nothing of the other station is ever touched. It may be a fault, or
somebody who tries: either way one event an hour says it.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime

from chargepoints.models import ReservationState
from chargepoints.reservations import RESERVATIONS
from chargepoints.security_events import Noticed, record_noticed
from chargepoints.station import Station
from sessions_app.authorization import SESSIONS
from tenants.clients import Document

REMEMBERED = 10_000
_HELD = (ReservationState.REQUESTED.value, ReservationState.ACTIVE.value)

# When each station was last told of, by kind: a loop of the same message costs no further look.
_told: OrderedDict[tuple[str, str, Noticed], str] = OrderedDict()


async def notice_transaction(station: Station, transaction_id: int, now: datetime) -> None:
    """Tell of a station that names a transaction it never had, if another station has it."""
    if transaction_id > 0:
        query = {"transaction_id": transaction_id}
        await _notice(station, Noticed.FOREIGN_TRANSACTION, f"transaction {transaction_id}", SESSIONS, query, now)


async def notice_reservation(station: Station, number: int, now: datetime) -> None:
    """Tell of a station that names a reservation it does not hold, if another station holds it."""
    query = {"state": {"$in": _HELD}, "reservation_id": number}
    await _notice(station, Noticed.FOREIGN_RESERVATION, f"reservation {number}", RESERVATIONS, query, now)


async def _notice(  # noqa: PLR0917  what was named, and where it would be
    station: Station, kind: Noticed, what: str, collection: str, query: Document, now: datetime
) -> None:
    key, hour = (station.tenant.slug, station.id, kind), f"{now:%Y-%m-%dT%H}"
    if _told.get(key) == hour:
        return
    others = {**query, "charge_point_id": {"$ne": station.id}}
    found = await station.tenant.database[collection].find_one(others, projection=["charge_point_id"])
    if found is None:
        return
    await record_noticed(station, kind, f"{what} belongs to {found['charge_point_id']}", now, occasion=hour)
    _told[key] = hour
    _told.move_to_end(key)
    if len(_told) > REMEMBERED:
        _told.popitem(last=False)
