"""Pending calls over many instances, in Redis: hash `{prefix}:pending:{tenant}:{station}`, field = message id."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

from redis.asyncio import Redis

from ocpp_gateway.pending import PendingCall


class RedisPendingCalls:
    """Implements `PendingCalls`; raises redis' errors while Redis is away.

    The hash as a whole lives `ttl` seconds after the last call was added, or until the last deadline, whichever is
    later: what a dead instance leaves behind goes away by itself. An entry past its own deadline does not count.
    """

    def __init__(self, client: Redis, prefix: str, ttl: float) -> None:
        self._client = client
        self._prefix = prefix
        self._ttl = ttl

    def _key(self, tenant: str, station: str) -> str:
        return f"{self._prefix}:pending:{tenant}:{station}"

    async def add(self, tenant: str, station: str, call: PendingCall) -> None:
        key = self._key(tenant, station)
        left = (call.deadline - datetime.now(UTC)).total_seconds()
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.hset(key, call.message_id, _encode(call))
            pipe.pexpire(key, int(max(self._ttl, left) * 1000) + 1000)
            await pipe.execute()

    async def get(self, tenant: str, station: str, message_id: str) -> PendingCall | None:
        entry = await self._client.hget(self._key(tenant, station), message_id)
        call = _decode(message_id, entry) if entry is not None else None
        return call if call is not None and call.deadline > datetime.now(UTC) else None

    async def has(self, tenant: str, station: str, message_id: str) -> bool:
        return await self.get(tenant, station, message_id) is not None

    async def has_any(self, tenant: str, station: str) -> bool:
        return bool(await self.calls(tenant, station))

    async def delete(self, tenant: str, station: str, message_id: str) -> bool:
        return bool(await self._client.hdel(self._key(tenant, station), message_id))

    async def clear(self, tenant: str, station: str) -> int:
        key = self._key(tenant, station)
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.hlen(key)
            pipe.delete(key)
            count, _ = await pipe.execute()
        return int(count)

    async def forget_tenant(self, tenant: str) -> None:
        """Delete the calls of all stations of a tenant."""
        # A slug has no character that means something in a pattern; the prefix is a setting and may have.
        pattern = f"{escaped(self._prefix)}:pending:{tenant}:*"
        async for key in self._client.scan_iter(match=pattern, count=1000):
            await self._client.delete(key)

    async def calls(self, tenant: str, station: str) -> list[PendingCall]:
        entries = await self._client.hgetall(self._key(tenant, station))
        now = datetime.now(UTC)
        calls = (_decode(message_id, entry) for message_id, entry in entries.items())
        return sorted((call for call in calls if call.deadline > now), key=lambda call: call.deadline)


def escaped(text: str) -> str:
    """Return a text as a pattern of Redis that matches it alone."""
    return re.sub(r"([\\*?\[\]^])", r"\\\1", text)


def _encode(call: PendingCall) -> str:
    return json.dumps(
        {
            "action": call.action,
            "command_id": call.command_id,
            "deadline": call.deadline.isoformat(),
            "epoch": call.epoch,
        }
    )


def _decode(message_id: bytes | str, entry: bytes | str) -> PendingCall:
    known = json.loads(entry)
    return PendingCall(
        message_id=message_id.decode("utf-8") if isinstance(message_id, bytes) else message_id,
        action=known["action"],
        command_id=known["command_id"],
        deadline=datetime.fromisoformat(known["deadline"]),
        epoch=known["epoch"],
    )
