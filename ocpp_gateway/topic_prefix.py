"""A tenant's new `mqtt_topic_prefix`: stations move to it, and the broker forgets their status under the earlier one.

Each instance moves the stations that it holds. When nobody can use the earlier prefix any more, one instance has the
broker forget it, station by station, and announces under the new one those that are offline. What is left to be done
is noted in the tenant's database until it is, so whoever dies meanwhile is followed by another.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, PyMongoError

from chargepoints.connection import CHARGE_POINTS
from chargepoints.offline import act_for_offline
from chargepoints.provisioning import forgotten_status
from chargepoints.station import Station
from csms.errors import StorageUnavailable
from csms.lifecycle import background
from ocpp_gateway.connection import Connection
from ocpp_gateway.housekeeping import Host
from tenants.clients import Document
from tenants.directory import CACHE_SECONDS, TenantRecord
from tenants.group_commit import NothingMatched
from tenants.unit_of_work import UnitOfWork

_COUNTERS, _NOTE = "counters", "topic_prefix"
# Stations moved at a time; after each slice the claim on the work is renewed.
SLICE = 200
CLAIM = timedelta(seconds=60)

log = structlog.get_logger(__name__)


class TopicPrefixes:
    """What one process knows of tenants' prefixes; `follow` is called at each look of housekeeping."""

    def __init__(self) -> None:
        # The prefixes under which all is as it should be.
        self._settled: dict[str, str] = {}

    async def follow(self, here: Host, tenant: TenantRecord, now: datetime) -> None:
        """Do what follows from a tenant's prefix; costs nothing while it stays the same."""
        slug, prefix = tenant.slug, tenant.mqtt_topic_prefix
        if self._settled.get(slug) == prefix:
            return
        # Forgotten at once: it may be the next one again before anybody has settled on this one.
        note = await _note(tenant, self._settled.pop(slug, prefix), now)
        await _move_connected(here, tenant, now)
        if not note["left"]:
            self._settled[slug] = prefix
        elif note["at"] <= now and await _claim(tenant, note, now):
            background(_clear(tenant, note["left"]), "clear_topic_prefix")


def _settling() -> timedelta:
    """Return how long an earlier prefix may still be used: by who has it cached, or looks later."""
    return timedelta(seconds=CACHE_SECONDS + 2 * settings.HOUSEKEEPING_INTERVAL)


async def _note(tenant: TenantRecord, known: str, now: datetime) -> Document:
    """Return which earlier prefixes are left to be cleared, and from when on; brought up to date.

    `known` is the prefix that counts as the earlier one where nothing is noted yet.
    """
    prefix, counters = tenant.mqtt_topic_prefix, tenant.database[_COUNTERS]
    note = await counters.find_one({"_id": _NOTE})
    if note is None:
        note = {"_id": _NOTE, "value": 0, "wanted": known, "left": [], "at": now}
        try:
            await counters.insert_one(note)
        except DuplicateKeyError:
            return await _note(tenant, known, now)
    if note["wanted"] == prefix:
        return note
    change: dict[str, Any] = {
        "$set": {"wanted": prefix, "at": now + _settling()},
        "$addToSet": {"left": note["wanted"]},
    }
    found = await counters.find_one_and_update(
        {"_id": _NOTE, "wanted": note["wanted"]}, change, return_document=ReturnDocument.AFTER
    )
    return note | {"left": [note["wanted"]], "at": now + _settling()} if found is None else found


async def _claim(tenant: TenantRecord, note: Document, now: datetime) -> bool:
    """Return whether this instance is the one to clear what is left."""
    claimed = {"_id": _NOTE, "wanted": note["wanted"], "at": note["at"]}
    result = await tenant.database[_COUNTERS].update_one(claimed, {"$set": {"at": now + CLAIM}})
    return bool(result.modified_count)


async def _move_connected(here: Host, tenant: TenantRecord, now: datetime) -> None:
    """Have the stations that are connected here use the new prefix from now on."""
    prefix = tenant.mqtt_topic_prefix
    moving = [
        connection
        for (slug, _), connection in here.connections.items()
        if slug == tenant.slug and connection.station.tenant.mqtt_topic_prefix != prefix
    ]
    for start in range(0, len(moving), SLICE):
        await asyncio.gather(*(_move(connection, tenant, now) for connection in moving[start : start + SLICE]))


async def _move(connection: Connection, tenant: TenantRecord, now: datetime) -> None:
    station, before = connection.station, connection.station.tenant
    station.tenant = tenant
    try:
        await _announce(station, now)
    except BaseException:
        station.tenant = before  # and is moved at the next look
        raise


async def _announce(station: Station, now: datetime) -> None:
    """Announce a station's status under its tenant's prefix, unless somebody newer owns it."""
    unit = station.unit_of_work()
    station.fence(unit, now)
    station.announce_status(unit, now)
    try:
        await unit.commit()
    except NothingMatched:
        log.info("status_left_to_newer_owner", tenant=station.tenant.slug, station=station.id)


async def _clear(tenant: TenantRecord, left: list[str]) -> None:
    """Have the broker forget what it retains under earlier prefixes."""
    earlier = [prefix for prefix in left if prefix != tenant.mqtt_topic_prefix]
    stations, counters = tenant.database[CHARGE_POINTS], tenant.database[_COUNTERS]
    mine = {"_id": _NOTE, "wanted": tenant.mqtt_topic_prefix}
    try:
        # One that never was connected has never had a status.
        found = await stations.find({"last_seen": {"$ne": None}}, projection=["epoch"]).to_list()
        for start in range(0, len(found), SLICE):
            await _clear_slice(tenant, earlier, found[start : start + SLICE])
            result = await counters.update_one(mine, {"$set": {"at": datetime.now(UTC) + CLAIM}})
            if not result.matched_count:
                return  # changed once more; all of it is left
        await counters.update_one(mine, {"$pullAll": {"left": left}})
    except (PyMongoError, StorageUnavailable) as error:
        log.warning("topic_prefix_not_cleared", tenant=tenant.slug, error=str(error), again_in=CLAIM.seconds)
    else:
        log.info("topic_prefix_cleared", tenant=tenant.slug, earlier=earlier, stations=len(found))


async def _clear_slice(tenant: TenantRecord, earlier: list[str], stations: list[Document]) -> None:
    now = datetime.now(UTC)
    unit = UnitOfWork(tenant)
    for station in stations:
        for prefix in earlier:
            unit.add_event(forgotten_status(tenant.slug, prefix, station))
    await unit.commit()
    await asyncio.gather(*(_announce_offline(tenant, station["_id"], now) for station in stations))


async def _announce_offline(tenant: TenantRecord, identity: str, now: datetime) -> None:
    station = await act_for_offline(tenant, identity)
    if station is not None:
        await _announce(station, now)
