"""Sockets by address and tenant, over instances."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest

from csms.redis import state_redis
from ocpp_gateway.limits.socket_counts import RedisExchange, SocketCounts

LIMITS = {"a": 3, "t": 0}


@pytest.fixture
async def exchange() -> AsyncIterator[RedisExchange]:
    """The exchange of the instances of one test."""
    client, prefix = state_redis(), f"test-{secrets.token_hex(4)}"
    yield RedisExchange(client, prefix)
    async for key in client.scan_iter(f"{prefix}:*"):
        await client.delete(key)
    await client.aclose()


def test_full() -> None:
    counts = SocketCounts("one", None, LIMITS)
    for _ in range(3):
        assert not counts.full("a:192.0.2.1")
        counts.opened("a:192.0.2.1")
    assert counts.full("a:192.0.2.1")
    assert not counts.full("a:192.0.2.2")
    counts.closed("a:192.0.2.1")
    assert not counts.full("a:192.0.2.1")


def test_without_a_limit_nothing_is_counted() -> None:
    counts = SocketCounts("one", None, LIMITS)
    for _ in range(10):
        counts.opened("t:anna")
    assert not counts.full("t:anna")
    assert not counts._own
    counts.closed("t:anna")


def test_what_is_closed_leaves_nothing_behind() -> None:
    counts = SocketCounts("one", None, LIMITS)
    for number in range(100):
        counts.opened(f"a:{number}")
        counts.closed(f"a:{number}")
    assert not counts._own


async def test_instances_count_together(exchange: RedisExchange) -> None:
    one, two = SocketCounts("one", exchange, LIMITS), SocketCounts("two", exchange, LIMITS)
    one.opened("a:x")
    one.opened("a:x")
    two.opened("a:x")
    for counts in (one, two, one):
        await counts.exchange(exchange)
    assert one.full("a:x")
    assert two.full("a:x")
    one.closed("a:x")
    one.closed("a:x")
    for counts in (one, two):
        await counts.exchange(exchange)
    assert not two.full("a:x")


async def test_an_instance_that_is_silent_does_not_count(exchange: RedisExchange) -> None:
    one, two = SocketCounts("one", exchange, LIMITS), SocketCounts("two", exchange, LIMITS)
    for _ in range(3):
        one.opened("a:x")
    await one.exchange(exchange)
    await two.exchange(exchange)
    assert two.full("a:x")
    await exchange._client.delete(f"{exchange._instances}:one")  # as it is after its time
    await two.exchange(exchange)
    assert not two.full("a:x")
    assert await exchange._client.smembers(exchange._instances) == set(), "it is asked no more"
