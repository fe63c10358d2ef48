"""Presence over many instances, in Redis: a hash per tenant, and a lease per instance that its entries live by.

An owner counts only while the lease of its instance lives, so the cost of staying present grows with the number of
instances, not of stations. Every change is compared and made in one step (Lua), by the epoch.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from redis.asyncio import Redis

from ocpp_gateway.presence import Owner, StaleEpoch

# An instance that has not renewed its lease for this long is taken for dead.
LEASE_SECONDS = 15
RENEW_SECONDS = 5

# KEYS: hash of the tenant. ARGV: station, epoch, entry. Returns the entry replaced, or "stale" with the newer one.
_CLAIM = """
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known and cjson.decode(known).epoch > tonumber(ARGV[2]) then
  return {'stale', known}
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return {'claimed', known}
"""

# KEYS: hash of the tenant. ARGV: station, epoch. Deletes the entry if it is still of this epoch.
_RELEASE = """
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known and cjson.decode(known).epoch == tonumber(ARGV[2]) then
  return redis.call('HDEL', KEYS[1], ARGV[1])
end
return 0
"""


class RedisPresence:
    """Implements `Presence`; raises redis' errors while Redis is away."""

    def __init__(self, client: Redis, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._claim = client.register_script(_CLAIM)
        self._release = client.register_script(_RELEASE)

    def _stations(self, tenant: str) -> str:
        return f"{self._prefix}:presence:{tenant}"

    def _lease(self, instance: str) -> str:
        return f"{self._prefix}:instance:{instance}"

    # -- Instances ---------------------------------------------------------------------------------

    @property
    def _instances(self) -> str:
        return f"{self._prefix}:instances"

    async def renew_lease(self, instance: str) -> bool:
        """Keep the instance alive for another `LEASE_SECONDS`; return whether its lease had lasted until now."""
        key = self._lease(instance)
        await self._client.sadd(self._instances, instance)
        if await self._client.expire(key, LEASE_SECONDS):
            return True
        await self._client.set(key, "1", ex=LEASE_SECONDS)
        return False

    async def leave(self, instance: str, *, in_order: bool = True) -> None:
        """Give the lease back at once; unless all was left in order, somebody is to look after the rest."""
        await self._client.delete(self._lease(instance))
        if in_order:
            await self.forget_instance(instance)

    async def remember(self, instances: set[str]) -> None:
        """Note that there are, or were, these instances."""
        if instances:
            await self._client.sadd(self._instances, *sorted(instances))

    async def dead_instances(self) -> set[str]:
        """Return the instances that had a lease and let it run out."""
        known = {_text(member) for member in await self._client.smembers(self._instances)}
        return known - await self.alive(known) if known else set()

    async def may_bury(self, instance: str) -> bool:
        """Return whether this caller is the one to look after a dead instance's stations."""
        return bool(await self._client.set(f"{self._prefix}:bury:{instance}", "1", nx=True, ex=LEASE_SECONDS))

    async def forget_instance(self, instance: str) -> None:
        """Forget a dead instance whose stations have been looked after."""
        await self._client.srem(self._instances, instance)

    async def alive(self, instances: set[str]) -> set[str]:
        """Return those instances whose lease lives."""
        ordered = sorted(instances)
        async with self._client.pipeline(transaction=False) as pipe:
            for instance in ordered:
                pipe.exists(self._lease(instance))
            lives = await pipe.execute()
        return {instance for instance, found in zip(ordered, lives, strict=True) if found}

    # -- Stations ----------------------------------------------------------------------------------

    async def claim(self, owner: Owner) -> Owner | None:
        outcome, known = await self._claim(
            keys=[self._stations(owner.tenant)], args=[owner.station, owner.epoch, _encode(owner)]
        )
        if outcome == b"stale":
            raise StaleEpoch(owner.station)
        return _decode(owner.tenant, owner.station, known) if known else None

    async def release(self, tenant: str, station: str, epoch: int) -> bool:
        return bool(await self._release(keys=[self._stations(tenant)], args=[station, epoch]))

    async def lookup(self, tenant: str, station: str) -> Owner | None:
        known = await self._client.hget(self._stations(tenant), station)
        if known is None:
            return None
        owner = _decode(tenant, station, known)
        return owner if await self._client.exists(self._lease(owner.instance)) else None

    async def drop(self, tenant: str, instance: str, *, unless: Callable[[Owner], bool] = lambda owner: False) -> None:
        """Remove the entries of an instance that are not true any more."""
        for owner in await self._entries(tenant):
            if owner.instance == instance and not unless(owner):
                await self.release(tenant, owner.station, owner.epoch)

    async def forget_tenant(self, tenant: str) -> None:
        """Delete everything that is kept of a tenant."""
        await self._client.delete(self._stations(tenant))

    async def _entries(self, tenant: str) -> list[Owner]:
        entries = await self._client.hgetall(self._stations(tenant))
        return [_decode(tenant, _text(station), known) for station, known in entries.items()]

    async def owners(self, tenant: str) -> list[Owner]:
        owners = await self._entries(tenant)
        alive = await self.alive({owner.instance for owner in owners})
        return sorted((o for o in owners if o.instance in alive), key=lambda owner: owner.station)


def _encode(owner: Owner) -> str:
    return json.dumps(
        {
            "instance": owner.instance,
            "epoch": owner.epoch,
            "version": owner.ocpp_version,
            "since": owner.since.isoformat(),
            "address": owner.address,
        }
    )


def _text(value: bytes | str) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else value


def _decode(tenant: str, station: str, entry: bytes | str) -> Owner:
    known: dict[str, Any] = json.loads(entry)
    return Owner(
        tenant=tenant,
        station=station,
        instance=known["instance"],
        epoch=known["epoch"],
        ocpp_version=known["version"],
        since=datetime.fromisoformat(known["since"]),
        address=known.get("address", ""),
    )
