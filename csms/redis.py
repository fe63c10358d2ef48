"""Redis clients of this process, from `REDIS_ADDR`, `REDIS_PASSWORD` and `REDIS_DB`."""

from __future__ import annotations

import redis
import redis.asyncio
from django.conf import settings

_SOCKET_SECONDS = 5.0


def redis_url(database: int) -> str:
    """Return the URL of one of Redis' databases, without the password."""
    address = settings.REDIS_ADDR
    return f"{address}/{database}" if "://" in address else f"redis://{address}/{database}"


def sync_redis() -> redis.Redis:
    """Return a new client for threads."""
    return redis.Redis.from_url(
        redis_url(settings.REDIS_DB),
        password=settings.REDIS_PASSWORD,
        socket_connect_timeout=_SOCKET_SECONDS,
        socket_timeout=_SOCKET_SECONDS,
    )


def async_redis() -> redis.asyncio.Redis:
    """Return a new client for an event loop."""
    return redis.asyncio.Redis.from_url(
        redis_url(settings.REDIS_DB),
        password=settings.REDIS_PASSWORD,
        socket_connect_timeout=_SOCKET_SECONDS,
        socket_timeout=_SOCKET_SECONDS,
    )
