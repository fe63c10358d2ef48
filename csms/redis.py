"""Redis clients of this process, from `REDIS_ADDR`, `REDIS_PASSWORD` and `REDIS_DB`.

`REDIS_ADDR` is `host:port` or a URL: `redis://`, `rediss://` (TLS), `redis+sentinel://sentinel:26379,other:26379/master`
or `redis+cluster://host:port`. State lives in database `REDIS_DB + 1`, everything else in `REDIS_DB`; a cluster has
only one database, where the prefixes of the keys keep them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import redis
import redis.asyncio
import redis.asyncio.cluster
import redis.asyncio.sentinel
import redis.cluster
import redis.sentinel
from django.conf import settings
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionBroken
from redis.retry import Retry

# A Redis that stands still must not hold up a station for longer.
SOCKET_SECONDS = 2.0
LAYER_SOCKET_SECONDS = 10.0
MAX_CONNECTIONS = 16
_SENTINEL, _CLUSTER = "redis+sentinel://", "redis+cluster://"
_SENTINEL_PORT = 26379
AsyncRedis = redis.asyncio.Redis
# Whatever lay in the pool while Redis was started again is broken, and one look finds only one of them. A command
# that is carried out twice on that account does no harm here; one that timed out is not repeated.
_ONCE_MORE: dict[str, Any] = {"retry": Retry(NoBackoff(), 1, (ConnectionBroken,))}
_ASYNC_ONCE_MORE: dict[str, Any] = {"retry": AsyncRetry(NoBackoff(), 1, (ConnectionBroken,))}


@dataclass(frozen=True, slots=True)
class _Sentinel:
    hosts: list[tuple[str, int]]
    master: str

    @classmethod
    def parse(cls, address: str) -> _Sentinel:
        hosts, _, master = address.removeprefix(_SENTINEL).partition("/")
        pairs = [host.rpartition(":") if ":" in host else (host, ":", str(_SENTINEL_PORT)) for host in hosts.split(",")]
        return cls([(host, int(port)) for host, _, port in pairs], master)


def redis_url(database: int) -> str:
    """Return the URL of one of Redis' databases, without the password; for a single server."""
    address = settings.REDIS_ADDR
    return f"{address}/{database}" if "://" in address else f"redis://{address}/{database}"


def _options(seconds: float = SOCKET_SECONDS) -> dict[str, Any]:
    return {
        "password": settings.REDIS_PASSWORD,
        "socket_connect_timeout": seconds,
        "socket_timeout": seconds,
    }


def sync_redis(seconds: float = SOCKET_SECONDS) -> redis.Redis:
    """Return a new client for threads, on `REDIS_DB`, that waits for Redis no longer than this."""
    address, options = settings.REDIS_ADDR, _options(seconds)
    if address.startswith(_SENTINEL):
        found = _Sentinel.parse(address)
        sentinel = redis.sentinel.Sentinel(found.hosts, socket_timeout=SOCKET_SECONDS)
        master: redis.Redis = sentinel.master_for(found.master, db=settings.REDIS_DB, **options, **_ONCE_MORE)
        return master
    if address.startswith(_CLUSTER):
        # A cluster takes pub/sub and single-key commands as one server does.
        return redis.cluster.RedisCluster.from_url(address.replace(_CLUSTER, "redis://"), **options)  # type: ignore[return-value]
    return redis.Redis.from_url(redis_url(settings.REDIS_DB), **options, **_ONCE_MORE)


def async_redis(database: int | None = None) -> AsyncRedis:
    """Return a new client for an event loop, on `REDIS_DB` or the database given."""
    address, options = settings.REDIS_ADDR, _options()
    number = settings.REDIS_DB if database is None else database
    if address.startswith(_SENTINEL):
        found = _Sentinel.parse(address)
        sentinel = redis.asyncio.sentinel.Sentinel(found.hosts, socket_timeout=SOCKET_SECONDS)
        master: AsyncRedis = sentinel.master_for(found.master, db=number, **options, **_ASYNC_ONCE_MORE)
        return master
    if address.startswith(_CLUSTER):
        url = address.replace(_CLUSTER, "redis://")
        return redis.asyncio.cluster.RedisCluster.from_url(url, **options)  # type: ignore[return-value]
    # Bounded: a thousand stations that come at once would open as many connections, and keep them.
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        redis_url(number), max_connections=MAX_CONNECTIONS, timeout=SOCKET_SECONDS, **options, **_ASYNC_ONCE_MORE
    )
    return redis.asyncio.Redis.from_pool(pool)


def state_redis() -> AsyncRedis:
    """Return a new client for an event loop, on the state database `REDIS_DB + 1`."""
    return async_redis(settings.REDIS_DB + 1)


def channel_layer_host() -> dict[str, Any]:
    """Return the host of Channels' Redis layer, for the setting `CHANNEL_LAYERS`."""
    return _layer_host(settings.REDIS_ADDR, settings.REDIS_DB, settings.REDIS_PASSWORD)


def _layer_host(address: str, database: int, password: str | None) -> dict[str, Any]:
    # The layer waits for letters in calls that block for five seconds, so its time-out must be longer than that.
    options: dict[str, Any] = {
        "password": password,
        "socket_connect_timeout": SOCKET_SECONDS,
        "socket_timeout": LAYER_SOCKET_SECONDS,
        **_ASYNC_ONCE_MORE,
    }
    if address.startswith(_SENTINEL):
        found = _Sentinel.parse(address)
        return {"sentinels": found.hosts, "master_name": found.master, "db": database, **options}
    plain = address.replace(_CLUSTER, "redis://") if "://" in address else f"redis://{address}"
    return {"address": f"{plain}/{database}", **options}
