"""Django's cache in the Redis that instances share, whatever kind of address `REDIS_ADDR` is."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis import Redis

from csms.redis import sync_redis


@cache
def _connections() -> Redis:
    """Return the one client of this process, with its pool: Django makes a cache object for every request's thread."""
    # A Redis that hangs must not make every request wait.
    return sync_redis(seconds=0.5)


class SharedClient(RedisCacheClient):
    """Takes its connection from `csms.redis`, which knows Sentinel and Cluster, too."""

    def get_client(self, key: str | None = None, *, write: bool = False) -> Redis:
        """Return the one client there is: a rate limit counted on a replica would count late."""
        return _connections()


class SharedRedisCache(RedisCache):
    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = SharedClient
