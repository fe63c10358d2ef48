"""Counting what happens too often: after so many strikes within a time, a block that grows with each one.

Where the counts live is the difference between the implementations: in memory for a single process, in Redis for
several instances (`redis_strikes`). The contract test in `tests/limits` runs against each of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

# Beyond this many keys those that matter least are forgotten: an attacker must not fill the memory.
CAPACITY = 50_000


@dataclass(frozen=True, slots=True)
class Rule:
    """How many strikes within how many seconds lead to a block, and how long it lasts.

    Attributes:
        limit: the strike that begins a block.
        window: seconds in which strikes add up.
        block: seconds of the first block; each one that follows is twice as long.
        longest: seconds that no block exceeds; after as much time without a strike all is forgotten.
    """

    limit: int
    window: float
    block: float
    longest: float


@dataclass(frozen=True, slots=True)
class Strike:
    """What one strike has led to.

    Attributes:
        blocked_for: seconds the block still lasts; 0 if there is none.
        begins: whether this very strike has begun the block.
        count: the strikes so far, this one included; 0 for one during a block, which does not count.
    """

    blocked_for: float
    begins: bool
    count: int


class Strikes(Protocol):
    """What every implementation promises."""

    async def strike(self, key: str, rule: Rule) -> Strike:
        """Count one strike against a key."""
        ...

    async def blocked_for(self, key: str) -> float:
        """Return for how many seconds a key is still blocked; 0 if it is not."""
        ...

    async def blocks(self) -> dict[str, float]:
        """Return the keys that are blocked, each with the seconds that are left."""
        ...

    async def lift(self, key: str) -> bool:
        """Forget all about a key; return whether anything was known of it."""
        ...


@dataclass(slots=True)
class _Record:
    since: float
    count: int = 0
    level: int = 0
    ends: float = 0.0
    forgotten: float = 0.0


class MemoryStrikes:
    """Strikes of a single process."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, capacity: int = CAPACITY) -> None:
        self._records: dict[str, _Record] = {}
        self._clock = clock
        self._capacity = capacity

    async def strike(self, key: str, rule: Rule) -> Strike:
        now = self._clock()
        record = self._records.pop(key, None)
        if record is None or record.forgotten <= now:
            record = _Record(since=now)
        self._records[key] = record  # at the end: the newest are forgotten last
        self._make_room(now)
        if record.ends > now:
            return Strike(record.ends - now, False, 0)
        return _strike(record, rule, now)

    async def blocked_for(self, key: str) -> float:
        record = self._records.get(key)
        return 0.0 if record is None else max(0.0, record.ends - self._clock())

    async def blocks(self) -> dict[str, float]:
        now = self._clock()
        return {key: record.ends - now for key, record in self._records.items() if record.ends > now}

    async def lift(self, key: str) -> bool:
        return self._records.pop(key, None) is not None

    def _make_room(self, now: float) -> None:
        if len(self._records) <= self._capacity:
            return
        for key in [key for key, record in self._records.items() if record.forgotten <= now]:
            del self._records[key]
        while len(self._records) > self._capacity:
            del self._records[next(iter(self._records))]


def _strike(record: _Record, rule: Rule, now: float) -> Strike:
    if now - record.since > rule.window:
        record.since, record.count = now, 0
    record.count += 1
    count, blocked = record.count, 0.0
    if count >= rule.limit:
        blocked = min(rule.block * 2**record.level, rule.longest)
        record.ends = record.since = now + blocked
        record.level, record.count = record.level + 1, 0
    record.forgotten = now + blocked + max(rule.window, rule.longest)
    return Strike(blocked, blocked > 0, count)
