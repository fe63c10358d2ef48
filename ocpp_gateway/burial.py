"""The stations of an instance that died: announced as offline, unless they have come back, and their commands ended."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Protocol

import structlog
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from chargepoints.offline import stations_of, take_from_dead
from csms.errors import StorageUnavailable
from ocpp_gateway.commands import effect_of
from ocpp_gateway.housekeeping import Housekeeping
from ocpp_gateway.redis_presence import RedisPresence
from tenants.clients import Document
from tenants.directory import TenantRecord, all_tenants

# Stations looked after at the same time; between two groups the instance may turn out to live.
_GROUP = 50

log = structlog.get_logger(__name__)


class Host(Protocol):
    """What this needs of the gateway."""

    housekeeping: Housekeeping

    def command_ended(self, tenant: str, command: Document) -> None: ...


class Burial:
    """Looks after what dead instances have left. Doing it twice, or at two instances, does no harm."""

    def __init__(self, here: Host, leases: RedisPresence | None) -> None:
        self._here = here
        self._leases = leases

    async def bury(self, instance: str) -> None:
        """Look after everything of a dead instance, unless it comes back meanwhile."""
        log.warning("instance_dead", instance=instance)
        try:
            for tenant in await all_tenants():
                if not await self._bury_stations(tenant, instance):
                    return
            self._here.housekeeping.look_everywhere()  # it may have known of what becomes due soon
            if self._leases is not None:
                await self._leases.forget_instance(instance)
        except (RedisError, OSError, PyMongoError, StorageUnavailable) as error:
            log.warning("burial_broken_off", instance=instance, error=str(error))  # and begun again later

    async def _bury_stations(self, tenant: TenantRecord, instance: str) -> bool:
        identities = await stations_of(tenant, instance)
        for start in range(0, len(identities), _GROUP):
            if await self._lives(instance):
                log.info("instance_lives_after_all", instance=instance)
                return False
            group = identities[start : start + _GROUP]
            await asyncio.gather(*(self._bury_station(tenant, identity, instance) for identity in group))
        if self._leases is not None:
            await self._leases.drop(tenant.slug, instance)
        return True

    async def _lives(self, instance: str) -> bool:
        return self._leases is not None and bool(await self._leases.alive({instance}))

    async def _bury_station(self, tenant: TenantRecord, identity: str, instance: str) -> None:
        ended = await take_from_dead(tenant, identity, instance, datetime.now(UTC), effect_of)
        for command in ended or ():
            self._here.command_ended(tenant.slug, command)
