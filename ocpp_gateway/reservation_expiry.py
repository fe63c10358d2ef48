"""Reservations that end by themselves: their time is over, or the request for them was lost."""

from __future__ import annotations

from datetime import datetime, timedelta

from chargepoints.commands import COMMANDS
from chargepoints.reservations import ACTIVE, REQUESTED, RESERVATIONS, abandon_request, expire_reservation
from ocpp_gateway.housekeeping import Host, Task, station_to_act_for
from tenants.clients import Document
from tenants.directory import TenantRecord

# A process that dies between a reservation and its command leaves the first without the second for longer than this.
LOST_AFTER = timedelta(minutes=1)
_AT_ONCE = 1000


def overdue(by: datetime) -> Document:
    """Return the filter of the reservations whose time is over by then, or that were requested and never asked for."""
    return {"$or": [_over(by), _lost(by)]}


def _over(by: datetime) -> Document:
    # What is only requested ends with its command, whose life is as long.
    return {"state": ACTIVE.value, "expires_at": {"$lte": by}}


def _lost(by: datetime) -> Document:
    return {"state": REQUESTED.value, "command_id": "", "created_at": {"$lte": by - LOST_AFTER}}


async def end_overdue_reservations(here: Host, tenant: TenantRecord, now: datetime) -> None:
    """Expire the reservations whose time is over, and give up those that no command asks for."""
    for reservation in await tenant.database[RESERVATIONS].find(_over(now)).limit(_AT_ONCE).to_list():
        station = await station_to_act_for(here, tenant, reservation["charge_point_id"])
        if station is not None:
            await expire_reservation(station, reservation, now)
    for reservation in await tenant.database[RESERVATIONS].find(_lost(now)).limit(_AT_ONCE).to_list():
        if not await _is_asked_for(tenant, reservation):
            station = await station_to_act_for(here, tenant, reservation["charge_point_id"])
            if station is not None:
                await abandon_request(station, reservation, now)


async def _is_asked_for(tenant: TenantRecord, reservation: Document) -> bool:
    query = {
        "charge_point_id": reservation["charge_point_id"],
        "created_at": {"$gte": reservation["created_at"]},
        "payload.reservationId": reservation["reservation_id"],
    }
    return await tenant.database[COMMANDS].find_one(query, projection=["_id"]) is not None


TASK = Task(RESERVATIONS, overdue, end_overdue_reservations)
