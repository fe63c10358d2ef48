"""What instances share: presence, pending calls, mailbox. One contract, every implementation."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis.asyncio

from csms.redis import state_redis
from ocpp_gateway.layer_mailbox import LayerMailbox
from ocpp_gateway.mailbox import Letter, Mailbox, MemoryMailbox
from ocpp_gateway.pending import MemoryPendingCalls, PendingCall, PendingCalls
from ocpp_gateway.presence import MemoryPresence, Owner, Presence, StaleEpoch
from ocpp_gateway.redis_pending import RedisPendingCalls
from ocpp_gateway.redis_presence import RedisPresence
from ocpp_gateway.state import channel_layer
from tests.redis_kinds.fixtures import KINDS, cluster_address, redis_address, sentinel_address

__all__ = ["cluster_address", "redis_address", "sentinel_address"]  # fixtures from elsewhere

MEMORY_AND_REDIS = ("memory", *KINDS)
DEADLINE = 10.0
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def prefix() -> str:
    """Keys nobody else uses."""
    return f"test-{secrets.token_hex(4)}"


@pytest.fixture
async def client(prefix: str, request: pytest.FixtureRequest) -> AsyncIterator[redis.asyncio.Redis]:
    """A client of the kind of Redis that the test asks for; what it leaves under its prefix is removed."""
    kind = _kind(request)
    if kind in KINDS:
        request.getfixturevalue("redis_address")(kind)
    connection = state_redis()
    yield connection
    async for key in connection.scan_iter(f"{prefix}:*"):
        await connection.delete(key)
    await connection.aclose()


def _kind(request: pytest.FixtureRequest) -> str:
    """Return what `presence`, `pending` or `mailbox_of` of this test is; the run's own Redis where it has none."""
    named = getattr(request.node, "callspec", None)
    return next(iter(named.params.values())) if named is not None else "redis"


# -- Presence ------------------------------------------------------------------------------------


@pytest.fixture(params=MEMORY_AND_REDIS)
async def presence(request: pytest.FixtureRequest, client: redis.asyncio.Redis, prefix: str) -> Presence:
    """Each implementation, with the instances `one` and `two` alive."""
    if request.param == "memory":
        return MemoryPresence()
    shared = RedisPresence(client, prefix)
    for instance in ("one", "two"):
        await shared.renew_lease(instance)
    return shared


def owner(epoch: int, *, tenant: str = "anna", station: str = "CP1", instance: str = "one") -> Owner:
    """Return an owner; the epoch tells it from others."""
    return Owner(tenant, station, instance, epoch, "1.6", NOON)


async def test_nobody_owns_a_station_that_never_connected(presence: Presence) -> None:
    assert await presence.lookup("anna", "CP1") is None
    assert await presence.owners("anna") == []
    assert await presence.release("anna", "CP1", 1) is False


async def test_an_owner_is_found_as_it_was_claimed(presence: Presence) -> None:
    assert await presence.claim(owner(1)) is None
    assert await presence.lookup("anna", "CP1") == owner(1)


async def test_the_newer_epoch_replaces_the_older(presence: Presence) -> None:
    await presence.claim(owner(1, instance="one"))
    assert await presence.claim(owner(2, instance="two")) == owner(1, instance="one")
    assert await presence.lookup("anna", "CP1") == owner(2, instance="two")


async def test_an_older_epoch_comes_too_late(presence: Presence) -> None:
    await presence.claim(owner(5))
    with pytest.raises(StaleEpoch):
        await presence.claim(owner(4, instance="two"))
    assert await presence.lookup("anna", "CP1") == owner(5)


async def test_a_claim_may_be_repeated(presence: Presence) -> None:
    """As an instance does that rebuilds presence from its sockets."""
    await presence.claim(owner(5))
    await presence.claim(owner(5))
    assert await presence.lookup("anna", "CP1") == owner(5)


async def test_epochs_are_compared_as_numbers(presence: Presence) -> None:
    """Epochs are minutes since 1970 and more: 30 million is not before 4, and 2^40 not rounded."""
    await presence.claim(owner(4))
    await presence.claim(owner(30_000_000))
    await presence.claim(owner(2**40))
    await presence.claim(owner(2**40 + 1))
    with pytest.raises(StaleEpoch):
        await presence.claim(owner(2**40))
    assert await presence.release("anna", "CP1", 2**40) is False
    assert await presence.lookup("anna", "CP1") == owner(2**40 + 1)


async def test_only_the_owner_can_let_go(presence: Presence) -> None:
    await presence.claim(owner(1))
    await presence.claim(owner(2))
    assert await presence.release("anna", "CP1", 1) is False, "the late end of an old socket"
    assert await presence.lookup("anna", "CP1") == owner(2)
    assert await presence.release("anna", "CP1", 2) is True
    assert await presence.release("anna", "CP1", 2) is False
    assert await presence.lookup("anna", "CP1") is None


async def test_owners_are_listed_by_station(presence: Presence) -> None:
    for station in ("CP2", "CP10", "CP1"):
        await presence.claim(owner(1, station=station))
    assert [one.station for one in await presence.owners("anna")] == ["CP1", "CP10", "CP2"]


async def test_tenants_do_not_see_each_other(presence: Presence) -> None:
    await presence.claim(owner(1, tenant="anna"))
    await presence.claim(owner(9, tenant="boris"))
    assert await presence.owners("boris") == [owner(9, tenant="boris")]
    await presence.release("boris", "CP1", 9)
    assert await presence.lookup("anna", "CP1") == owner(1)
    assert await presence.owners("boris") == []


async def test_odd_names_are_names(presence: Presence) -> None:
    for station in ("a:b", "a*b", "a|b=c@d", "x" * 48):
        await presence.claim(owner(1, station=station))
        assert await presence.lookup("anna", station) == owner(1, station=station)
    assert await presence.lookup("anna", "a") is None


async def test_of_many_claims_at_once_the_newest_wins(presence: Presence) -> None:
    claims = (presence.claim(owner(epoch)) for epoch in (3, 9, 1, 10, 7, 2, 8))
    await asyncio.gather(*claims, return_exceptions=True)
    assert await presence.lookup("anna", "CP1") == owner(10)


async def test_the_stations_of_a_dead_instance_are_offline(client: redis.asyncio.Redis, prefix: str) -> None:
    presence = RedisPresence(client, prefix)
    await presence.renew_lease("one")
    await presence.claim(owner(1, station="CP1", instance="one"))
    await presence.claim(owner(1, station="CP2", instance="dead"))
    assert await presence.lookup("anna", "CP2") is None
    assert [one.station for one in await presence.owners("anna")] == ["CP1"]
    await presence.leave("one")
    assert await presence.lookup("anna", "CP1") is None


async def test_a_lease_runs_out_by_itself(client: redis.asyncio.Redis, prefix: str) -> None:
    presence = RedisPresence(client, prefix)
    assert await presence.renew_lease("one") is False, "it had none"
    assert await presence.renew_lease("one") is True
    (lease,) = [key async for key in client.scan_iter(f"{prefix}:instance:*")]
    assert 0 < await client.ttl(lease) <= 15
    await client.delete(lease)
    assert await presence.dead_instances() == {"one"}


async def test_a_dead_instance_is_buried_once(client: redis.asyncio.Redis, prefix: str) -> None:
    presence = RedisPresence(client, prefix)
    assert [await presence.may_bury("dead") for _ in range(3)] == [True, False, False]


# -- Pending calls -------------------------------------------------------------------------------


@pytest.fixture(params=MEMORY_AND_REDIS)
def pending(request: pytest.FixtureRequest, client: redis.asyncio.Redis, prefix: str) -> PendingCalls:
    """Each implementation."""
    return MemoryPendingCalls() if request.param == "memory" else RedisPendingCalls(client, prefix, 30.0)


def call(message_id: str, seconds: float = 30, **changes: Any) -> PendingCall:
    """Return a call that may be answered for so many seconds."""
    deadline = (datetime.now(UTC) + timedelta(seconds=seconds)).replace(microsecond=0)
    facts: dict[str, Any] = {"action": "Reset", "command_id": "c1", "deadline": deadline, "epoch": 7}
    return PendingCall(message_id, **facts | changes)


async def test_at_first_nothing_is_pending(pending: PendingCalls) -> None:
    assert await pending.get("anna", "CP1", "m1") is None
    assert not await pending.has("anna", "CP1", "m1")
    assert not await pending.has_any("anna", "CP1")
    assert await pending.calls("anna", "CP1") == []
    assert await pending.clear("anna", "CP1") == 0
    assert await pending.delete("anna", "CP1", "m1") is False


async def test_a_call_is_found_as_it_was_recorded(pending: PendingCalls) -> None:
    first = call("m1", command_id="", action="GetConfiguration", epoch=2**40)
    await pending.add("anna", "CP1", first)
    assert await pending.get("anna", "CP1", "m1") == first
    assert await pending.has("anna", "CP1", "m1")
    assert await pending.has_any("anna", "CP1")
    assert not await pending.has("anna", "CP1", "m2")


async def test_of_several_who_take_an_answer_one_gets_it(pending: PendingCalls) -> None:
    await pending.add("anna", "CP1", call("m1"))
    taken = await asyncio.gather(*(pending.delete("anna", "CP1", "m1") for _ in range(5)))
    assert sorted(taken) == [False, False, False, False, True]
    assert not await pending.has_any("anna", "CP1")


async def test_calls_are_listed_by_deadline(pending: PendingCalls) -> None:
    for message_id, seconds in (("b", 20), ("c", 30), ("a", 10)):
        await pending.add("anna", "CP1", call(message_id, seconds))
    assert [one.message_id for one in await pending.calls("anna", "CP1")] == ["a", "b", "c"]
    assert await pending.clear("anna", "CP1") == 3
    assert await pending.calls("anna", "CP1") == []


async def test_calls_belong_to_a_station_of_a_tenant(pending: PendingCalls) -> None:
    await pending.add("anna", "CP1", call("m1"))
    for tenant, station in (("anna", "CP2"), ("boris", "CP1")):
        assert not await pending.has(tenant, station, "m1")
        assert await pending.delete(tenant, station, "m1") is False
        assert await pending.clear(tenant, station) == 0
    assert await pending.has("anna", "CP1", "m1")


async def test_what_is_past_its_deadline_is_not_pending(pending: PendingCalls) -> None:
    await pending.add("anna", "CP1", call("late", -1))
    assert await pending.get("anna", "CP1", "late") is None
    assert not await pending.has("anna", "CP1", "late")
    assert not await pending.has_any("anna", "CP1")
    assert await pending.calls("anna", "CP1") == []


async def test_what_a_dead_instance_leaves_goes_away_by_itself(client: redis.asyncio.Redis, prefix: str) -> None:
    pending = RedisPendingCalls(client, prefix, 30.0)
    await pending.add("anna", "CP1", call("m1", 100))
    (key,) = [key async for key in client.scan_iter(f"{prefix}:pending:*")]
    assert key == f"{prefix}:pending:anna:CP1".encode()
    assert 95 < await client.ttl(key) <= 101


# -- Mailbox -------------------------------------------------------------------------------------

MailboxOf = Callable[[str], Mailbox]


@pytest.fixture(params=MEMORY_AND_REDIS)
async def mailbox_of(
    request: pytest.FixtureRequest, client: redis.asyncio.Redis, prefix: str
) -> AsyncIterator[MailboxOf]:
    """`mailbox_of(instance)`: the mailbox an instance works with; in memory it is the same for all."""
    if request.param == "memory":
        shared = MemoryMailbox()
        yield lambda instance: shared
        return
    yield lambda instance: LayerMailbox(channel_layer(prefix))


class Inbox:
    """A receiver that keeps what it gets."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self._came = asyncio.Event()

    async def take(self, letter: Letter) -> None:
        self.letters.append(letter)
        self._came.set()

    async def until(self, count: int) -> list[Letter]:
        """Return the letters once there are so many."""
        async with asyncio.timeout(DEADLINE):
            while len(self.letters) < count:
                self._came.clear()
                await self._came.wait()
        return self.letters


@pytest.fixture
async def opened(mailbox_of: MailboxOf) -> AsyncIterator[Callable[[str], Awaitable[tuple[Mailbox, Inbox]]]]:
    """`mailbox, inbox = await opened(instance)`: closed again when the test ends."""
    boxes: list[tuple[str, Mailbox]] = []

    async def open_one(instance: str) -> tuple[Mailbox, Inbox]:
        mailbox, inbox = mailbox_of(instance), Inbox()
        await mailbox.open(instance, inbox.take)
        boxes.append((instance, mailbox))
        return mailbox, inbox

    yield open_one
    for instance, mailbox in boxes:
        await mailbox.close(instance)


async def test_a_letter_arrives(opened: Any) -> None:
    mailbox, _ = await opened("one")
    _, inbox = await opened("two")
    assert await mailbox.send("two", {"kind": "commands", "station": "CP1", "number": 2**40}) is True
    assert await inbox.until(1) == [{"kind": "commands", "station": "CP1", "number": 2**40}]


async def test_letters_arrive_in_order_and_nowhere_else(opened: Any) -> None:
    mailbox, own = await opened("one")
    _, two = await opened("two")
    _, three = await opened("three")
    for number in range(20):
        assert await mailbox.send("two", {"number": number})
    assert [letter["number"] for letter in await two.until(20)] == list(range(20))
    assert (own.letters, three.letters) == ([], [])


async def test_a_letter_that_nobody_waits_for_arrives_all_the_same(opened: Any) -> None:
    mailbox, own = await opened("one")
    _, inbox = await opened("two")
    await mailbox.tell("nobody", {"number": 0})
    for number in (1, 2):
        await mailbox.tell("two", {"number": number})
    assert await mailbox.send("two", {"number": 3}) is True
    assert [letter["number"] for letter in await inbox.until(3)] == [1, 2, 3]
    assert own.letters == []


async def test_an_instance_may_write_to_itself(opened: Any) -> None:
    mailbox, inbox = await opened("one")
    assert await mailbox.send("one", {"a": 1}) is True
    assert await inbox.until(1) == [{"a": 1}]


async def test_both_may_write_at_once(opened: Any) -> None:
    first, first_inbox = await opened("one")
    second, second_inbox = await opened("two")
    sent = await asyncio.gather(
        *(first.send("two", {"n": n}) for n in range(50)), *(second.send("one", {"n": n}) for n in range(50))
    )
    assert all(sent)
    for inbox in (first_inbox, second_inbox):
        assert sorted(letter["n"] for letter in await inbox.until(50)) == list(range(50))


async def test_a_letter_to_nobody_is_not_taken(opened: Any) -> None:
    mailbox, _ = await opened("one")
    assert await mailbox.send("nobody", {"a": 1}) is False


async def test_who_has_left_takes_no_letters(opened: Any) -> None:
    mailbox, _ = await opened("one")
    other, inbox = await opened("two")
    await other.close("two")
    assert await mailbox.send("two", {"a": 1}) is False
    assert inbox.letters == []
