"""Strikes: one contract, every implementation."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest
import redis.asyncio
from redis.exceptions import ConnectionError as RedisGone

from csms.redis import state_redis
from ocpp_gateway.limits.redis_strikes import RedisStrikes
from ocpp_gateway.limits.steady_strikes import SteadyStrikes
from ocpp_gateway.limits.strikes import MemoryStrikes, Rule, Strike, Strikes

RULE = Rule(limit=3, window=60.0, block=40.0, longest=100.0)


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def client() -> AsyncIterator[redis.asyncio.Redis]:
    connection = state_redis()
    yield connection
    await connection.aclose()


@pytest.fixture
async def shared(client: redis.asyncio.Redis) -> AsyncIterator[RedisStrikes]:
    """Strikes under keys nobody else uses, which are removed."""
    prefix = f"test-{secrets.token_hex(4)}"
    yield RedisStrikes(client, prefix)
    async for key in client.scan_iter(f"{prefix}:*"):
        await client.delete(key)


@pytest.fixture(params=["memory", "redis", "steady"])
def strikes(request: pytest.FixtureRequest, shared: RedisStrikes) -> Strikes:
    """Each implementation."""
    made: dict[str, Strikes] = {"memory": MemoryStrikes(), "redis": shared, "steady": SteadyStrikes(shared)}
    return made[request.param]


async def test_the_last_of_so_many_begins_a_block(strikes: Strikes) -> None:
    assert [await strikes.strike("k", RULE) for _ in range(2)] == [Strike(0.0, False, 1), Strike(0.0, False, 2)]
    assert await strikes.blocked_for("k") == 0
    third = await strikes.strike("k", RULE)
    assert (third.begins, third.count) == (True, 3)
    assert 39 < third.blocked_for <= 40
    fourth = await strikes.strike("k", RULE)
    assert (fourth.begins, fourth.count) == (False, 0), "what comes during a block does not count"
    assert 39 < fourth.blocked_for <= third.blocked_for
    assert 39 < await strikes.blocked_for("k") <= 40


async def test_keys_do_not_disturb_each_other(strikes: Strikes) -> None:
    for _ in range(3):
        await strikes.strike("one", RULE)
    assert (await strikes.strike("two", RULE)).count == 1
    assert list(await strikes.blocks()) == ["one"]


async def test_a_block_is_lifted(strikes: Strikes) -> None:
    for _ in range(3):
        await strikes.strike("k", RULE)
    assert await strikes.lift("k")
    assert not await strikes.lift("k")
    assert await strikes.blocked_for("k") == 0
    assert (await strikes.strike("k", RULE)).count == 1


async def test_of_strikes_at_the_same_moment_one_begins_the_block(strikes: Strikes) -> None:
    together = await asyncio.gather(*(strikes.strike("k", RULE) for _ in range(50)))
    assert [one.begins for one in together].count(True) == 1
    assert sum(one.blocked_for == 0 for one in together) == RULE.limit - 1


async def test_each_block_is_twice_as_long_and_ends() -> None:
    clock = Clock()
    strikes = MemoryStrikes(clock=clock)
    lengths = []
    for _ in range(4):
        for _ in range(3):
            strike = await strikes.strike("k", RULE)
        lengths.append(strike.blocked_for)
        clock.now += strike.blocked_for
        assert await strikes.blocked_for("k") == 0
    assert lengths == [40, 80, 100, 100]
    clock.now += 101
    assert (await strikes.strike("k", RULE)).count == 1
    assert [await strikes.strike("k", RULE) for _ in range(2)][-1].blocked_for == 40, "all is forgotten by then"


async def test_in_redis_too(shared: RedisStrikes) -> None:
    rule = Rule(limit=2, window=60.0, block=0.05, longest=0.15)
    lengths: list[float] = []
    while len(lengths) < 3:
        strike = await shared.strike("k", rule)
        if strike.begins:
            lengths.append(strike.blocked_for)
    assert lengths == [0.05, 0.1, 0.15]


async def test_strikes_add_up_within_the_window_only() -> None:
    clock = Clock()
    strikes = MemoryStrikes(clock=clock)
    for count in (1, 2, 1, 2, 1):
        assert (await strikes.strike("k", RULE)).count == count
        clock.now += 31


async def test_nothing_stays_in_redis(shared: RedisStrikes, client: redis.asyncio.Redis) -> None:
    await shared.strike("k", RULE)
    [key] = [key async for key in client.scan_iter("test-*:strikes:k")]
    assert 0 < await client.ttl(key) <= 100


async def test_memory_is_bounded() -> None:
    strikes = MemoryStrikes(capacity=100)
    for _ in range(3):
        await strikes.strike("blocked", RULE)
    for number in range(1000):
        await strikes.strike(f"{number}", RULE)
        await strikes.strike("blocked", RULE)  # whoever goes on is not forgotten
    assert await strikes.blocked_for("blocked") > 0
    assert len(strikes._records) == 100


class Away:
    """A Redis that is not there."""

    def __init__(self) -> None:
        self.asked = 0

    async def strike(self, key: str, rule: Rule) -> Strike:
        self.asked += 1
        raise RedisGone("no connection")

    async def blocked_for(self, key: str) -> float:
        self.asked += 1
        raise RedisGone("no connection")

    async def blocks(self) -> dict[str, float]:
        raise RedisGone("no connection")

    async def lift(self, key: str) -> bool:
        raise RedisGone("no connection")


async def test_without_redis_each_instance_counts_for_itself() -> None:
    clock, away = Clock(), Away()
    strikes = SteadyStrikes(away, clock=clock)
    for _ in range(3):
        strike = await strikes.strike("k", RULE)
    assert strike.begins
    assert await strikes.blocked_for("k") == 40
    assert away.asked == 1, "it is not asked again and again, which would make each station wait"
    clock.now += 6
    await strikes.strike("k", RULE)
    assert away.asked == 2
