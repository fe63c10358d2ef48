"""Strikes that go on while Redis is away: each instance then counts for itself."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from redis.exceptions import RedisError

from ocpp_gateway.limits.strikes import MemoryStrikes, Rule, Strike, Strikes

# A Redis that does not answer costs each connecting station up to two seconds, so it is left alone for a while.
PAUSE_SECONDS = 5.0

Result = TypeVar("Result")

log = structlog.get_logger(__name__)


class SteadyStrikes:
    """Implements `Strikes` by shared ones and, while those fail, by this process's own."""

    def __init__(self, shared: Strikes, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._shared = shared
        self._own = MemoryStrikes(clock=clock)
        self._clock = clock
        self._away_until = 0.0

    async def strike(self, key: str, rule: Rule) -> Strike:
        return await self._ask(lambda strikes: strikes.strike(key, rule))

    async def blocked_for(self, key: str) -> float:
        return await self._ask(lambda strikes: strikes.blocked_for(key))

    async def blocks(self) -> dict[str, float]:
        return await self._ask(lambda strikes: strikes.blocks())

    async def lift(self, key: str) -> bool:
        own = await self._own.lift(key)
        return await self._ask(lambda strikes: strikes.lift(key)) or own

    async def _ask(self, question: Callable[[Strikes], Awaitable[Result]]) -> Result:
        if self._clock() >= self._away_until:
            try:
                return await question(self._shared)
            except (RedisError, OSError) as error:
                self._away_until = self._clock() + PAUSE_SECONDS
                log.warning("limits_counted_here_only", error=str(error))
        return await question(self._own)
