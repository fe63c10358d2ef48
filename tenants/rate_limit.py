"""Counting requests per minute, exactly, over all threads and instances that share the cache.

A minute that slides: what the previous minute of the clock still weighs, plus what this one has counted. Unlike a
list of time stamps that is read, changed and written back, a counter that is only raised loses no request.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from django.core.cache import BaseCache, cache
from django.core.cache.backends.locmem import LocMemCache
from redis.exceptions import RedisError

WINDOW_SECONDS = 60

log = structlog.get_logger(__name__)

# Where a limit is counted that must hold even without the shared cache: then each process counts for itself.
_here = LocMemCache("rate-limits", {"OPTIONS": {"MAX_ENTRIES": 100_000}})


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request may pass, how many more may, and in how many seconds a refused one may try again."""

    allowed: bool
    limit: int
    remaining: int
    retry_after: int


class RateLimit:
    """The counter of one caller, for example of one tenant.

    With `must_hold` it is counted in this process while the shared cache is away; otherwise everything passes then: a
    limit that cannot be counted must not close the API.
    """

    def __init__(
        self,
        name: str,
        limit: int,
        *,
        window: int = WINDOW_SECONDS,
        must_hold: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._name = name
        self._limit = limit
        self._window = window
        self._must_hold = must_hold
        self._clock = clock

    def take(self) -> Verdict:
        """Count one request and return whether it may pass."""
        try:
            return self._take(cache)
        except RedisError as error:
            _warn(error)
            return self._take(_here) if self._must_hold else Verdict(True, self._limit, self._limit, 0)

    def _take(self, store: BaseCache) -> Verdict:
        window, elapsed = divmod(self._clock(), self._window)
        count = _raise_counter(store, self._key(window), self._window)
        before = int(store.get(self._key(window - 1)) or 0)
        weight = before * (1 - elapsed / self._window)
        if count + weight > self._limit:
            self._give_back(store, window)
            return Verdict(False, self._limit, 0, self._wait(count - 1, before, elapsed))
        return Verdict(True, self._limit, max(0, math.floor(self._limit - count - weight)), 0)

    def give_back(self) -> None:
        """Forget one request that was counted: it turned out not to matter."""
        window = self._clock() // self._window
        try:
            self._give_back(cache, window)
        except RedisError as error:
            _warn(error)
            self._give_back(_here, window)

    def _give_back(self, store: BaseCache, window: float) -> None:
        try:
            store.decr(self._key(window))
        except ValueError:
            return  # the counter has run out meanwhile

    def _key(self, window: float) -> str:
        return f"rate:{self._name}:{int(window)}"

    def _wait(self, count: int, before: int, elapsed: float) -> int:
        """Return the seconds until one more would pass, if nobody else asks."""
        room = self._limit - 1
        if room < 0:
            return self._window
        if count <= room:  # it is the previous window that weighs too much
            return _ceil(self._window * (1 - (room - count) / max(before, 1)) - elapsed)
        return _ceil(self._window - elapsed + self._window * (1 - room / count))


_last_warning = -math.inf


def _warn(error: RedisError) -> None:
    """Log that nothing is counted, once a minute and not once a request."""
    global _last_warning  # noqa: PLW0603  a race costs one more line in the log
    now = time.monotonic()
    if now - _last_warning > WINDOW_SECONDS:
        _last_warning = now
        log.warning("rate_limits_are_not_counted", reason=str(error))


def _ceil(seconds: float) -> int:
    return max(1, math.ceil(seconds))


def _raise_counter(store: BaseCache, key: str, window: int) -> int:
    for _ in range(3):
        try:
            return int(store.incr(key))
        except ValueError:
            store.add(key, 0, timeout=2 * window + 5)  # the first of this window
    return 1
