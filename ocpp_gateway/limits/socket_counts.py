"""How many sockets each address and each tenant has open, over all instances.

Each instance counts its own and tells the others those that matter every few seconds, so that nobody asks anybody
while a station connects. Several instances together may therefore take in a few more than allowed.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from typing import Protocol

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

TELL_SECONDS = 2.0
# What an instance has told counts for this long: it is dead, or cannot reach Redis.
TOLD_SECONDS = 10
# Numbers below this part of the limit are not worth telling.
_SHARE = 50

log = structlog.get_logger(__name__)


class Exchange(Protocol):
    """Where instances tell each other their numbers."""

    async def tell(self, instance: str, numbers: dict[str, int]) -> None: ...

    async def hear(self, instance: str) -> list[dict[str, int]]: ...


class RedisExchange:
    """Implements `Exchange`: one short-lived value per instance, found through a set of their names."""

    def __init__(self, client: Redis, prefix: str) -> None:
        self._client = client
        self._instances = f"{prefix}:socket-counts"

    async def tell(self, instance: str, numbers: dict[str, int]) -> None:
        await self._client.sadd(self._instances, instance)
        await self._client.expire(self._instances, 10 * TOLD_SECONDS)
        await self._client.set(f"{self._instances}:{instance}", json.dumps(numbers), ex=TOLD_SECONDS)

    async def hear(self, instance: str) -> list[dict[str, int]]:
        names = {name.decode() if isinstance(name, bytes) else name for name in await self._members()}
        others = sorted(names - {instance})
        if not others:
            return []
        async with self._client.pipeline(transaction=False) as pipe:
            for other in others:
                pipe.get(f"{self._instances}:{other}")
            told = await pipe.execute()
        if silent := [other for other, text in zip(others, told, strict=True) if text is None]:
            await self._client.srem(self._instances, *silent)
        return [json.loads(text) for text in told if text is not None]

    async def _members(self) -> Iterable[bytes | str]:
        members: Iterable[bytes | str] = await self._client.smembers(self._instances)
        return members


class SocketCounts:
    """The open sockets of one process, by any name, and what the others have told of theirs."""

    def __init__(self, instance: str, exchange: Exchange | None, limits: dict[str, int]) -> None:
        self._instance = instance
        self._exchange = exchange
        # By the first letter of a name: `a` for addresses, `t` for tenants. 0: no limit.
        self._limits = limits
        self._own: Counter[str] = Counter()
        self._others: Counter[str] = Counter()
        self._told = False

    def full(self, name: str) -> bool:
        """Return whether there may be no more sockets of this name."""
        limit = self._limits[name[0]]
        return 0 < limit <= self._own[name] + self._others[name]

    def opened(self, name: str) -> None:
        """Count one more."""
        if self._limits[name[0]]:
            self._own[name] += 1

    def closed(self, name: str) -> None:
        """Count one less."""
        if self._own[name] > 1:
            self._own[name] -= 1
        else:
            del self._own[name]

    async def exchange_for_ever(self) -> None:
        """Tell and hear, for ever; returns at once where there are no others, or no limits."""
        if self._exchange is None or not any(self._limits.values()):
            return
        while True:
            try:
                await self.exchange(self._exchange)
            except (RedisError, OSError) as error:
                log.debug("socket_counts_not_exchanged", error=str(error))  # the lease says that Redis is away
            await asyncio.sleep(TELL_SECONDS)

    async def exchange(self, exchange: Exchange) -> None:
        """Tell the others what matters and hear what they say."""
        numbers = {name: count for name, count in self._own.items() if count * _SHARE >= self._limits[name[0]]}
        if numbers or self._told:
            await exchange.tell(self._instance, numbers)
        self._told = bool(numbers)
        others: Counter[str] = Counter()
        for told in await exchange.hear(self._instance):
            others.update(told)
        self._others = others
