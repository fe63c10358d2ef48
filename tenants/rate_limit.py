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
from django.core.cache import cache
from redis.exceptions import RedisError

WINDOW_SECONDS = 60

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request may pass, how many more may, and in how many seconds a refused one may try again."""

    allowed: bool
    limit: int
    remaining: int
    retry_after: int


class RateLimit:
    """The counter of one caller, for example of one tenant."""

    def __init__(self, name: str, limit: int, *, clock: Callable[[], float] = time.time) -> None:
        self._name = name
        self._limit = limit
        self._clock = clock

    def take(self) -> Verdict:
        """Count one request and return whether it may pass. Without a cache everything passes: a limit that
        cannot be counted must not close the API.
        """
        window, elapsed = divmod(self._clock(), WINDOW_SECONDS)
        try:
            count = _raise_counter(self._key(window))
            before = int(cache.get(self._key(window - 1)) or 0)
            weight = before * (1 - elapsed / WINDOW_SECONDS)
            if count + weight > self._limit:
                self._give_back(window)
                return Verdict(False, self._limit, 0, self._wait(count - 1, before, elapsed))
        except RedisError as error:
            _warn(error)
            return Verdict(True, self._limit, self._limit, 0)
        return Verdict(True, self._limit, max(0, math.floor(self._limit - count - weight)), 0)

    def give_back(self) -> None:
        """Forget one request that was counted: it turned out not to matter."""
        try:
            self._give_back(self._clock() // WINDOW_SECONDS)
        except RedisError as error:
            _warn(error)

    def _give_back(self, window: float) -> None:
        try:
            cache.decr(self._key(window))
        except ValueError:
            return  # the counter has run out meanwhile

    def _key(self, window: float) -> str:
        return f"rate:{self._name}:{int(window)}"

    def _wait(self, count: int, before: int, elapsed: float) -> int:
        """Return the seconds until one more would pass, if nobody else asks."""
        room = self._limit - 1
        if room < 0:
            return WINDOW_SECONDS
        if count <= room:  # it is the previous minute that weighs too much
            return _ceil(WINDOW_SECONDS * (1 - (room - count) / max(before, 1)) - elapsed)
        return _ceil(WINDOW_SECONDS - elapsed + WINDOW_SECONDS * (1 - room / count))


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


def _raise_counter(key: str) -> int:
    for _ in range(3):
        cache.add(key, 0, timeout=2 * WINDOW_SECONDS + 5)
        try:
            return int(cache.incr(key))
        except ValueError:
            continue  # the key ran out between the two calls
    return 1
