"""Clients of a Redis cluster that fail as those of one server do.

redis-py raises errors of their own kind when no server of a cluster can be reached, and its synchronous client connects
when it is made. Whoever uses Redis here expects `RedisError`, and that a client can be made while Redis is away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import redis.asyncio.cluster
import redis.cluster
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionBroken
from redis.exceptions import RedisClusterException
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from csms.redis_address import Hosts

# After a moved slot or a broken connection: the cluster is asked anew who has what.
_TRIES_AGAIN = 2
AT_ONCE = 16
# Notices of maintenance are a matter of Redis Enterprise; a server that does not know them may break the connection.
_NO_NOTICES = MaintNotificationsConfig(enabled=False)
# Pipelines take connections of their own.
_MAX_CONNECTIONS = 1000


@contextmanager
def _as_one_server() -> Any:
    try:
        yield
    except RedisClusterException as error:
        raise ConnectionBroken(str(error)) from error
    except AttributeError as error:
        # redis-py 8.1: a connection that another task closes while the cluster's servers are asked who has what.
        raise ConnectionBroken(f"the connection was closed meanwhile: {error}") from error


class AsyncCluster(redis.asyncio.cluster.RedisCluster):
    """The client for an event loop; `at_once` commands are under way at a time, the others wait for their turn.

    redis-py fails those that find no connection, and a thousand stations that come at once would open as many.
    """

    def __init__(self, *, at_once: int = AT_ONCE, **options: Any) -> None:
        super().__init__(**options)
        self._turns = asyncio.Semaphore(at_once)
        self._first = asyncio.Lock()

    async def initialize(self, *args: Any, **kwargs: Any) -> redis.asyncio.cluster.RedisCluster:
        with _as_one_server():
            return await super().initialize(*args, **kwargs)

    async def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        with _as_one_server():
            async with self._turns:
                if self._initialize:
                    # One alone: of many that begin at once, some would lose their connections to the others' beginning.
                    async with self._first:
                        await super().initialize()
                return await super().execute_command(*args, **kwargs)


def async_cluster(hosts: Hosts, **options: Any) -> AsyncCluster:
    """Return a new client for an event loop."""
    nodes = [redis.asyncio.cluster.ClusterNode(host, port) for host, port in hosts]
    # Without full coverage: while one server is replaced, the slots of the others go on.
    return AsyncCluster(
        startup_nodes=nodes,
        require_full_coverage=False,
        max_connections=_MAX_CONNECTIONS,
        maint_notifications_config=_NO_NOTICES,
        retry=AsyncRetry(NoBackoff(), _TRIES_AGAIN),
        **options,
    )


class SyncCluster:
    """The client for threads: one that is made when it is first used."""

    def __init__(self, make: Callable[[], redis.cluster.RedisCluster]) -> None:
        self._make = make
        self._client: redis.cluster.RedisCluster | None = None

    def __getattr__(self, name: str) -> Any:
        """Return what the client itself has of this name."""
        if self._client is None:
            with _as_one_server():
                self._client = self._make()
        return getattr(self._client, name)


def sync_cluster(hosts: Hosts, **options: Any) -> SyncCluster:
    """Return a new client for threads."""
    nodes = [redis.cluster.ClusterNode(host, port) for host, port in hosts]

    def make() -> redis.cluster.RedisCluster:
        return redis.cluster.RedisCluster(
            startup_nodes=nodes,
            require_full_coverage=False,
            maint_notifications_config=_NO_NOTICES,
            retry=Retry(NoBackoff(), _TRIES_AGAIN),
            **options,
        )

    return SyncCluster(make)
