"""This instance among the others: its lease, what it owns after a fault, and the stations of those that died."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Protocol

import structlog
from django.conf import settings
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from chargepoints.commands import end_command, open_commands
from chargepoints.connection import CHARGE_POINTS
from chargepoints.models import CommandState
from chargepoints.offline import act_for_offline, stations_of, take_from_dead
from chargepoints.station import Station
from csms.errors import StorageUnavailable
from csms.lifecycle import background
from ocpp_gateway.connection import POLICY_VIOLATION, Connection
from ocpp_gateway.presence import Owner, Presence, StaleEpoch
from ocpp_gateway.redis_presence import RENEW_SECONDS, RedisPresence
from tenants.clients import Document, async_client
from tenants.directory import TenantRecord, find_tenant

# Claims made again after a fault, at the same time.
_CLAIMS = 100
# Commands of stations that are offline expire within this many seconds of their time.
_LOOK_FOR_EXPIRED_SECONDS = 10.0
_LOST = {"code": "ConnectionLost", "description": "the instance that held the station is gone"}

log = structlog.get_logger(__name__)


class Host(Protocol):
    """What this needs of the gateway."""

    instance: str
    presence: Presence
    connections: dict[tuple[str, str], Connection]

    def owner_of(self, connection: Connection) -> Owner: ...

    def command_ended(self, tenant: str, command: Document) -> None: ...


class Instances:
    """Keeps this instance's place. Without leases (a single process in memory) most of it has nothing to do."""

    def __init__(self, here: Host, leases: RedisPresence | None) -> None:
        self._here = here
        self._leases = leases
        self._reachable = True
        self._tasks: list[asyncio.Task[None]] = []

    async def join(self) -> None:
        """Take a lease and begin to keep it."""
        if self._leases is not None:
            await self._keep_place(self._leases)
            self._tasks.append(background(self._keep_for_ever(self._leases), "instance_lease"))
        self._tasks.append(background(self._expire_for_ever(), "expire_commands"))

    async def leave(self) -> None:
        """Give the lease back."""
        for task in self._tasks:
            task.cancel()
        if self._leases is not None:
            try:
                await self._leases.leave(self._here.instance)
            except (RedisError, OSError) as error:
                log.info("lease_not_dropped", error=str(error))  # it runs out by itself

    # -- Presence of our own sockets ---------------------------------------------------------------

    async def claim(self, owner: Owner) -> Owner | None:
        """Make a socket of ours known and return whom it replaces. Without Redis it is made known later.

        Raises:
            StaleEpoch: a newer socket owns the station.
        """
        if not self._reachable:
            return None
        try:
            return await self._here.presence.claim(owner)
        except (RedisError, OSError) as error:
            self._lost_redis(error)
            return None

    async def release(self, tenant: str, station: str, epoch: int) -> None:
        """Take back what `claim` has made known."""
        if not self._reachable:
            return
        try:
            await self._here.presence.release(tenant, station, epoch)
        except (RedisError, OSError) as error:
            self._lost_redis(error)

    def _lost_redis(self, error: Exception) -> None:
        if self._reachable:
            log.warning("redis_unavailable", error=str(error))
        self._reachable = False

    async def _keep_for_ever(self, leases: RedisPresence) -> None:
        while True:
            # Without Redis it is looked for more often, so that presence is back soon after it.
            await asyncio.sleep(RENEW_SECONDS if self._reachable else 1.0)
            try:
                await self._keep_place(leases)
            except (PyMongoError, StorageUnavailable) as error:
                log.warning("instances_not_looked_after", error=str(error))

    async def _keep_place(self, leases: RedisPresence) -> None:
        try:
            lasted = await leases.renew_lease(self._here.instance)
            if not lasted or not self._reachable:
                await self._claim_all_again()
                if not self._reachable:
                    log.info("redis_available_again", stations=len(self._here.connections))
            self._reachable = True
            dead = await leases.dead_instances()
        except (RedisError, OSError) as error:
            self._lost_redis(error)
            return
        for instance in dead:
            if await leases.may_bury(instance):
                await self._bury(instance)
                await leases.forget_instance(instance)

    async def _claim_all_again(self) -> None:
        """Rebuild presence from our sockets: Redis was away, or has forgotten us."""
        connections = list(self._here.connections.values())
        for start in range(0, len(connections), _CLAIMS):
            await asyncio.gather(*(self._claim_again(c) for c in connections[start : start + _CLAIMS]))

    async def _claim_again(self, connection: Connection) -> None:
        try:
            await self._here.presence.claim(self._here.owner_of(connection))
        except StaleEpoch:
            await connection.close(POLICY_VIOLATION, "replaced by a newer connection")

    async def close_stale(self) -> None:
        """Close the sockets whose stations belong to others by now; asked of MongoDB, where epochs are counted."""
        by_tenant: dict[str, list[Connection]] = {}
        for (slug, _), connection in self._here.connections.items():
            by_tenant.setdefault(slug, []).append(connection)
        for connections in by_tenant.values():
            tenant = connections[0].station.tenant
            ids = [connection.station.id for connection in connections]
            found = tenant.database[CHARGE_POINTS].find({"_id": {"$in": ids}}, projection=["epoch"])
            epochs = {document["_id"]: document["epoch"] async for document in found}
            for connection in connections:
                if epochs.get(connection.station.id) != connection.station.epoch:
                    await connection.close(POLICY_VIOLATION, "replaced while this server stood still")

    # -- The dead ----------------------------------------------------------------------------------

    async def _bury(self, instance: str) -> None:
        """Announce the stations of a dead instance as offline, unless they have come back, and end their commands."""
        log.warning("instance_dead", instance=instance)
        for tenant in await _tenants():
            for identity in await stations_of(tenant, instance):
                station = await take_from_dead(tenant, identity, instance, datetime.now(UTC))
                if station is not None:
                    await self._end_lost_commands(station)

    async def _end_lost_commands(self, station: Station) -> None:
        for command in await open_commands(station):
            if command["state"] == CommandState.SENT.value:
                await self._end(station, command, CommandState.FAILED, _LOST)

    async def _end(
        self, station: Station, command: Document, state: CommandState, error: dict[str, str] | None
    ) -> None:
        ended = await end_command(station, command, state, datetime.now(UTC), error=error)
        if ended is not None:
            self._here.command_ended(station.tenant.slug, ended)

    # -- Commands that nobody fetches --------------------------------------------------------------

    async def _expire_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_FOR_EXPIRED_SECONDS)
            try:
                for tenant in await _tenants():
                    await self._expire(tenant)
            except (PyMongoError, StorageUnavailable) as error:
                log.warning("commands_not_expired", error=str(error))

    async def _expire(self, tenant: TenantRecord) -> None:
        """End the commands whose time is over, of stations that are offline; the owner looks after the others."""
        now = datetime.now(UTC)
        query = {"state": CommandState.QUEUED.value, "expires_at": {"$lte": now}}
        async for command in tenant.database["commands"].find(query).limit(1000):
            connection = self._here.connections.get((tenant.slug, command["charge_point_id"]))
            station = connection.station if connection else await act_for_offline(tenant, command["charge_point_id"])
            if station is not None:
                await self._end(station, command, CommandState.EXPIRED, None)


async def _tenants() -> list[TenantRecord]:
    found = async_client()[settings.MONGODB_GLOBAL_DATABASE]["tenants"].find({}, projection=["_id"])
    records = [await find_tenant(document["_id"]) async for document in found]
    return [record for record in records if record is not None]
