"""This instance among the others: its lease, what it owns after a fault, and who of the others is dead."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

import structlog
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from chargepoints.connection import CHARGE_POINTS
from chargepoints.offline import disown, holders
from csms.errors import StorageUnavailable
from csms.lifecycle import background
from ocpp_gateway.burial import Burial
from ocpp_gateway.connection import POLICY_VIOLATION, Connection
from ocpp_gateway.housekeeping import Housekeeping
from ocpp_gateway.presence import Owner, Presence, StaleEpoch
from ocpp_gateway.redis_presence import LEASE_SECONDS, RENEW_SECONDS, RedisPresence
from tenants.clients import Document
from tenants.directory import all_tenants

# Claims made again after a fault, at the same time.
_CLAIMS = 100
# Without Redis it is looked for more often, so that presence is back soon after it.
_LOOK_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Host(Protocol):
    """What this needs of the gateway."""

    instance: str
    presence: Presence
    connections: dict[tuple[str, str], Connection]
    housekeeping: Housekeeping

    def owner_of(self, connection: Connection) -> Owner: ...

    def claimed(self, connection: Connection, before: Owner | None) -> None: ...

    def command_ended(self, tenant: str, command: Document) -> None: ...


class Instances:
    """Keeps this instance's place. Without leases (a single process in memory) there are no others to look after."""

    def __init__(self, here: Host, leases: RedisPresence | None) -> None:
        self._here = here
        self._leases = leases
        self._burial = Burial(here, leases)
        self._tasks: list[asyncio.Task[None]] = []
        # Whether Redis answered when it was last asked.
        self.reachable = True
        # Since when the lease has been kept without a gap.
        self._kept_since = time.monotonic()
        self._rebuilt = False
        self._searched = False

    async def join(self) -> None:
        """Take a lease and begin to keep it.

        Raises:
            pymongo.errors.PyMongoError: MongoDB is away; nothing was begun.
        """
        heir = f"{self._here.instance} (before)"
        held = sum([await disown(tenant, self._here.instance, heir) for tenant in await all_tenants()])
        if held:
            log.info("predecessor_disowned", instance=self._here.instance, stations=held)
        if self._leases is not None:
            await self._keep_place(self._leases)
            self._tasks.append(background(self._keep_for_ever(self._leases), "instance_lease"))
        else:
            self._tasks.append(background(self._bury_all_others(), "bury_others"))

    async def leave(self, *, in_order: bool) -> None:
        """Give the lease back; unless everything was left in order, others look after what remains."""
        for task in self._tasks:
            task.cancel()
        if self._leases is not None:
            try:
                await self._leases.leave(self._here.instance, in_order=in_order)
            except (RedisError, OSError) as error:
                log.info("lease_not_dropped", error=str(error))  # it runs out by itself

    # -- Presence of our own sockets ---------------------------------------------------------------

    async def claim(self, owner: Owner) -> Owner | None:
        """Make a socket of ours known and return whom it replaces. Without Redis it is made known later.

        Raises:
            StaleEpoch: a newer socket owns the station.
        """
        if not self.reachable:
            return None
        try:
            return await self._here.presence.claim(owner)
        except (RedisError, OSError) as error:
            self._lost_redis(error)
            return None

    async def release(self, tenant: str, station: str, epoch: int) -> None:
        """Take back what `claim` has made known."""
        if not self.reachable:
            return
        try:
            await self._here.presence.release(tenant, station, epoch)
        except (RedisError, OSError) as error:
            self._lost_redis(error)

    def _lost_redis(self, error: Exception) -> None:
        if self.reachable:
            log.warning("redis_unavailable", error=str(error))
        self.reachable = False

    async def _keep_for_ever(self, leases: RedisPresence) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS if self.reachable else _LOOK_SECONDS)
            await self._keep_place(leases)

    async def _keep_place(self, leases: RedisPresence) -> None:
        try:
            lasted = await leases.renew_lease(self._here.instance)
            if not (lasted and self.reachable and self._rebuilt):
                await self._begin_anew(leases)
            if self._settled:
                await self._look_after_dead(leases)
            else:
                await self.close_stale()  # who has taken us for dead may not have come to an end yet
        except (RedisError, OSError) as error:
            self._lost_redis(error)
        except (PyMongoError, StorageUnavailable) as error:
            log.warning("instances_not_looked_after", error=str(error))

    @property
    def _settled(self) -> bool:
        """Whether the lease has been kept for so long that whoever has none by now is dead.

        After a Redis that was away, or was flushed, everybody's lease is gone for a moment.
        """
        return time.monotonic() - self._kept_since > LEASE_SECONDS

    async def _begin_anew(self, leases: RedisPresence) -> None:
        """Rebuild presence from our sockets: Redis was away, or has forgotten us."""
        self._kept_since = time.monotonic()
        self._rebuilt = self._searched = False
        # At once, because the sockets that open from now on are claimed by themselves.
        self.reachable = True
        await self.close_stale()  # others may have taken us for dead
        connections = list(self._here.connections.values())
        for start in range(0, len(connections), _CLAIMS):
            await asyncio.gather(*(self._claim_again(c) for c in connections[start : start + _CLAIMS]))
        for tenant in await all_tenants():
            await leases.drop(tenant.slug, self._here.instance, unless=self._holds)
        self._rebuilt = True
        log.info("presence_rebuilt", stations=len(connections))

    async def _claim_again(self, connection: Connection) -> None:
        owner = self._here.owner_of(connection)
        if connection.is_closing():
            return
        try:
            before = await self._here.presence.claim(owner)
        except StaleEpoch:
            await connection.close(POLICY_VIOLATION, "replaced by a newer connection")
            return
        self._here.claimed(connection, before)
        if not self._holds(owner):  # it has ended meanwhile, and let go before this claim
            await self._here.presence.release(owner.tenant, owner.station, owner.epoch)

    def _holds(self, owner: Owner) -> bool:
        connection = self._here.connections.get((owner.tenant, owner.station))
        return connection is not None and connection.station.epoch == owner.epoch

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

    async def _look_after_dead(self, leases: RedisPresence) -> None:
        if not self._searched:
            # Redis knows nothing of instances that died before it was flushed; their stations do.
            await leases.remember(await self._holders())
            self._searched = True
        for instance in await leases.dead_instances():
            if await leases.may_bury(instance):
                background(self._burial.bury(instance), "bury")

    async def _holders(self) -> set[str]:
        return {name for tenant in await all_tenants() for name in await holders(tenant)}

    async def _bury_all_others(self) -> None:
        """Look once after what others have left: a single process has no living neighbours."""
        await asyncio.sleep(LEASE_SECONDS)
        try:
            for instance in await self._holders() - {self._here.instance}:
                await self._burial.bury(instance)
        except (PyMongoError, StorageUnavailable) as error:
            log.warning("stations_not_looked_after", error=str(error))
