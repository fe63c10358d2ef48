"""Acting for a station that nobody owns: its facts still need an order, so whoever acts takes a new epoch first."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pymongo import ReturnDocument

from chargepoints.connection import CHARGE_POINTS, CONNECTORS, station_of
from chargepoints.station import Station
from events.facts import charge_point_disconnected
from tenants.clients import Document
from tenants.directory import TenantRecord


async def act_for_offline(tenant: TenantRecord, identity: str) -> Station | None:
    """Return the station with a new epoch if it is not connected, else None: then its owner has to act."""
    return await _take(tenant, {"_id": identity, "connected": None})


async def take_from_dead(tenant: TenantRecord, identity: str, instance: str, now: datetime) -> Station | None:
    """Announce a station as offline whose instance is dead, and return it; None if it lives elsewhere by now."""
    station = await _take(tenant, {"_id": identity, "connected.instance": instance})
    if station is not None:
        unit = station.unit_of_work()
        station.announce(unit, charge_point_disconnected, now, {"reason": f"instance {instance} is gone"})
        station.announce_status(unit, now)
        await unit.commit()
    return station


async def stations_of(tenant: TenantRecord, instance: str) -> list[str]:
    """Return the stations that an instance holds, as far as it has said so."""
    found = tenant.database[CHARGE_POINTS].find({"connected.instance": instance}, projection=["_id"])
    return [document["_id"] async for document in found]


async def _take(tenant: TenantRecord, query: Document) -> Station | None:
    change: dict[str, Any] = {"$inc": {"epoch": 1}, "$set": {"connected": None}}
    document = await tenant.database[CHARGE_POINTS].find_one_and_update(
        query, change, return_document=ReturnDocument.AFTER
    )
    if document is None:
        return None
    connectors = await tenant.database[CONNECTORS].find({"charge_point_id": document["_id"]}).to_list()
    station = station_of(tenant, document, connectors)
    station.connected = False
    return station
