"""Django's cache in the Redis that instances share, whatever kind of address `REDIS_ADDR` is."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.conf import settings
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis import Redis
from redis.commands.core import Script

from csms.redis import sync_redis

# KEYS: a counter. ARGV: what to add. In one step, where Django asks first whether the counter is there.
_RAISE = """
if redis.call('EXISTS', KEYS[1]) == 0 then
  return false
end
return redis.call('INCRBY', KEYS[1], ARGV[1])
"""


@cache
def _connections(address: str) -> tuple[Redis, Script]:
    """Return the one client of this process, with its pool: Django makes a cache object for every request's thread."""
    # A Redis that hangs must not make every request wait.
    client = sync_redis(seconds=0.5)
    return client, client.register_script(_RAISE)


class SharedClient(RedisCacheClient):
    """Takes its connection from `csms.redis`, which knows Sentinel and Cluster, too."""

    def get_client(self, key: str | None = None, *, write: bool = False) -> Redis:
        """Return the one client there is: a rate limit counted on a replica would count late."""
        return _connections(settings.REDIS_ADDR)[0]

    def incr(self, key: str, delta: int) -> int:
        """Add to a counter and return it; ValueError if it is not there."""
        value = _connections(settings.REDIS_ADDR)[1](keys=[key], args=[delta])
        if value is None:
            raise ValueError(f"there is no counter {key!r}")
        return int(value)


class SharedRedisCache(RedisCache):
    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = SharedClient
