"""Acting for a station that holds no socket: its facts still need an order, so whoever acts takes its next epoch.

The epoch is taken by the same transaction that stores what is done (`Station.fence`). If the station connects, or
somebody else acts for it at the same moment, that transaction fails with `NothingMatched` and nothing is stored: then
its owner has to act.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from chargepoints.commands import Effect, add_end, announce_queued, open_commands
from chargepoints.connection import CHARGE_POINTS, CONNECTORS, station_of
from chargepoints.models import CommandState
from chargepoints.station import Station
from events.facts import charge_point_disconnected
from tenants.clients import Document
from tenants.directory import TenantRecord
from tenants.group_commit import NothingMatched

NOT_KEPT = {"code": "StationOffline", "description": "the station went offline, and its tenant keeps no commands"}
LOST_WITH_INSTANCE = {"code": "ConnectionLost", "description": "the instance that held the station is gone"}

# Which effect the end of this command has at this station.
EffectOf = Callable[[Station, Document], Effect | None]


async def act_for_offline(tenant: TenantRecord, identity: str) -> Station | None:
    """Return a station, for one unit of work, that is not connected; None if it is, or does not exist."""
    return await _take(tenant, {"_id": identity, "connected": None})


async def announce_waiting(tenant: TenantRecord, identity: str, commands: list[Document]) -> bool:
    """Announce commands as queued for a station that is offline; return False if it is not."""
    station = await act_for_offline(tenant, identity)
    if station is None:
        return False
    unit = station.unit_of_work()
    station.fence(unit, max(command["created_at"] for command in commands))
    announce_queued(unit, station, commands)
    try:
        await unit.commit()
    except NothingMatched:
        return False
    return True


async def take_from_dead(
    tenant: TenantRecord, identity: str, instance: str, now: datetime, effect_of: EffectOf
) -> list[Document] | None:
    """Announce a station as offline whose instance is dead, and return the commands that ended with it.

    The one under way has failed, for nobody will ever know its answer. Those that wait go on waiting, or fail where
    the tenant keeps none. None: the station lives elsewhere by now.
    """
    station = await _take(tenant, {"_id": identity, "connected.instance": instance})
    if station is None:
        return None
    unit = station.unit_of_work()
    station.fence(unit, now)
    station.announce(unit, charge_point_disconnected, now, {"reason": f"instance {instance} is gone"})
    station.announce_status(unit, now)
    commands = await open_commands(station)
    kept = [one for one in commands if tenant.queue_enabled and one["state"] == CommandState.QUEUED.value]
    announce_queued(unit, station, [one for one in kept if not one["announced"]])
    ended = [
        add_end(unit, station, one, CommandState.FAILED, now, error=_why(one), effect=effect_of(station, one))
        for one in commands
        if one not in kept
    ]
    try:
        await unit.commit()
    except NothingMatched:
        return None
    return ended


def _why(command: Document) -> dict[str, str]:
    return NOT_KEPT if command["state"] == CommandState.QUEUED.value else LOST_WITH_INSTANCE


async def stations_of(tenant: TenantRecord, instance: str) -> list[str]:
    """Return the stations that an instance holds, as far as it has said so."""
    found = tenant.database[CHARGE_POINTS].find({"connected.instance": instance}, projection=["_id"])
    return [document["_id"] async for document in found]


async def holders(tenant: TenantRecord) -> set[str]:
    """Return the instances that hold a tenant's stations, as far as they have said so."""
    return {name for name in await tenant.database[CHARGE_POINTS].distinct("connected.instance") if name}


async def disown(tenant: TenantRecord, instance: str, heir: str) -> int:
    """Put the stations that a killed predecessor of this instance has held under another name; return how many."""
    result = await tenant.database[CHARGE_POINTS].update_many(
        {"connected.instance": instance}, {"$set": {"connected.instance": heir}}
    )
    return result.modified_count


async def _take(tenant: TenantRecord, query: Document) -> Station | None:
    document = await tenant.database[CHARGE_POINTS].find_one(query)
    if document is None:
        return None
    connectors = await tenant.database[CONNECTORS].find({"charge_point_id": document["_id"]}).to_list()
    station = station_of(tenant, document, connectors)
    station.taken_from = {**query, "epoch": station.epoch}
    station.epoch += 1
    station.connected = False
    return station
