"""Redis clients of this process, from `REDIS_ADDR`, `REDIS_PASSWORD`, `REDIS_SENTINEL_PASSWORD` and `REDIS_DB`.

`REDIS_ADDR` is `host:port` or a URL: `redis://`, `rediss://` (TLS), `redis+sentinel://sentinel:26379,other:26379/primary`
or `redis+cluster://host:port,host:port`. State lives in database `REDIS_DB + 1`, everything else in `REDIS_DB`; a
cluster has only one database, where the prefixes of the keys keep them apart.
"""

from __future__ import annotations

from typing import Any

import redis
import redis.asyncio
import redis.asyncio.sentinel
import redis.sentinel
from django.conf import settings
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionBroken
from redis.retry import Retry

from csms.redis_address import cluster_hosts, sentinel_address
from csms.redis_cluster import async_cluster, sync_cluster

# A Redis that stands still must not hold up a station for longer.
SOCKET_SECONDS = 2.0
LAYER_SOCKET_SECONDS = 10.0
MAX_CONNECTIONS = 16
AsyncRedis = redis.asyncio.Redis
# Whatever lay in the pool while Redis was started again is broken, and one look finds only one of them. A command
# that is carried out twice on that account does no harm here; one that timed out is not repeated.
_ONCE_MORE: dict[str, Any] = {"retry": Retry(NoBackoff(), 1, (ConnectionBroken,))}
_ASYNC_ONCE_MORE: dict[str, Any] = {"retry": AsyncRetry(NoBackoff(), 1, (ConnectionBroken,))}


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


def _sentinel_options() -> dict[str, Any]:
    """Return the options of connections to the Sentinels themselves."""
    return {**_options(), "password": settings.REDIS_SENTINEL_PASSWORD}


def sync_redis(seconds: float = SOCKET_SECONDS) -> redis.Redis:
    """Return a new client for threads, on `REDIS_DB`, that waits for Redis no longer than this."""
    address, options = settings.REDIS_ADDR, _options(seconds)
    if (found := sentinel_address(address)) is not None:
        sentinel = redis.sentinel.Sentinel(found.hosts, sentinel_kwargs=_sentinel_options())
        primary: redis.Redis = sentinel.master_for(found.primary, db=settings.REDIS_DB, **options, **_ONCE_MORE)
        return primary
    if (hosts := cluster_hosts(address)) is not None:
        return sync_cluster(hosts, **options)  # type: ignore[return-value]  # takes the same commands
    return redis.Redis.from_url(redis_url(settings.REDIS_DB), **options, **_ONCE_MORE)


def async_redis(database: int | None = None) -> AsyncRedis:
    """Return a new client for an event loop, on `REDIS_DB` or the database given."""
    address, options = settings.REDIS_ADDR, _options()
    number = settings.REDIS_DB if database is None else database
    if (found := sentinel_address(address)) is not None:
        sentinel = redis.asyncio.sentinel.Sentinel(found.hosts, sentinel_kwargs=_sentinel_options())
        primary: AsyncRedis = sentinel.master_for(found.primary, db=number, **options, **_ASYNC_ONCE_MORE)
        return primary
    if (hosts := cluster_hosts(address)) is not None:
        return async_cluster(hosts, **options)  # type: ignore[return-value]
    # Bounded: a thousand stations that come at once would open as many connections, and keep them.
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        redis_url(number), max_connections=MAX_CONNECTIONS, timeout=SOCKET_SECONDS, **options, **_ASYNC_ONCE_MORE
    )
    return redis.asyncio.Redis.from_pool(pool)


def state_redis() -> AsyncRedis:
    """Return a new client for an event loop, on the state database `REDIS_DB + 1`."""
    return async_redis(settings.REDIS_DB + 1)


def waiting_redis() -> AsyncRedis:
    """Return a new client of a cluster, whose calls may wait for a message for some seconds."""
    hosts = cluster_hosts(settings.REDIS_ADDR)
    assert hosts is not None, "Channels' own layer, for every other kind of Redis, makes its connections itself"
    return async_cluster(hosts, **_options(LAYER_SOCKET_SECONDS))  # type: ignore[return-value]


def channel_layer_host() -> dict[str, Any]:
    """Return the host of Channels' Redis layer; not for a cluster."""
    return _layer_host(settings.REDIS_ADDR, settings.REDIS_DB, settings.REDIS_PASSWORD)


def _layer_host(address: str, database: int, password: str | None) -> dict[str, Any]:
    # The layer waits for letters in calls that block for five seconds, so its time-out must be longer than that.
    options: dict[str, Any] = {
        "password": password,
        "socket_connect_timeout": SOCKET_SECONDS,
        "socket_timeout": LAYER_SOCKET_SECONDS,
        **_ASYNC_ONCE_MORE,
    }
    if (found := sentinel_address(address)) is not None:
        names = {"sentinels": found.hosts, "master_name": found.primary, "sentinel_kwargs": _sentinel_options()}
        return {**names, "db": database, **options}
    plain = address if "://" in address else f"redis://{address}"
    return {"address": f"{plain}/{database}", **options}
