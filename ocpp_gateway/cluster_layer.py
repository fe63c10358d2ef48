"""Channels between instances in a Redis cluster.

Channels' own layer for Redis keeps two keys per channel and changes them together, which a cluster refuses unless both
are on the same server; and it follows no slot that moves. Of a layer the mailbox needs only this: a list per channel.
"""

from __future__ import annotations

import json
from typing import Any

from channels.exceptions import ChannelFull
from redis.asyncio import Redis

# How long a receiver waits in one call; less than the time-out of its connection.
_WAIT_SECONDS = 5.0


class ClusterLayer:
    """At most once, in order; a channel is forgotten `expiry` seconds after the last message that came."""

    def __init__(self, client: Redis, waiting: Redis, prefix: str, *, capacity: int, expiry: int) -> None:
        self._client = client
        # A call that waits keeps its connection, so the calls that do not wait have a client of their own.
        self._waiting = waiting
        self._prefix = prefix
        self._capacity = capacity
        self._expiry = expiry

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Put a message into a channel.

        Raises:
            ChannelFull: too many lie there already.
        """
        key = self._prefix + channel
        length = await self._client.rpush(key, json.dumps(message))
        await self._client.expire(key, self._expiry)
        if length > self._capacity:
            await self._client.ltrim(key, 0, self._capacity - 1)
            raise ChannelFull

    async def receive(self, channel: str) -> dict[str, Any]:
        """Return the next message of a channel, when there is one."""
        while True:
            taken = await self._waiting.blpop([self._prefix + channel], timeout=_WAIT_SECONDS)
            if taken is not None:
                message: dict[str, Any] = json.loads(taken[1])
                return message
