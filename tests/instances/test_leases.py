"""Leases of instances, and who may take another one for dead."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import redis.asyncio

from csms.redis import state_redis
from ocpp_gateway.connection import Connection
from ocpp_gateway.gateway import TASKS
from ocpp_gateway.housekeeping import Housekeeping
from ocpp_gateway.instances import Instances
from ocpp_gateway.presence import Owner, Presence
from ocpp_gateway.pump import Pump
from ocpp_gateway.redis_presence import RedisPresence
from tenants.clients import Document, close_async_client
from tests.people import Operator

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
async def presence(global_database: None) -> AsyncIterator[RedisPresence]:
    """Presence in the run's Redis, under a prefix nobody else uses."""
    client, prefix = state_redis(), f"test-{secrets.token_hex(4)}"
    yield RedisPresence(client, prefix)
    await forget(client, prefix)
    await close_async_client()


async def forget(client: redis.asyncio.Redis, prefix: str) -> None:
    """Remove what a test has left under its prefix."""
    async for key in client.scan_iter(f"{prefix}:*"):
        await client.delete(key)
    await client.aclose()


class Host:
    """An instance without sockets."""

    def __init__(self, instance: str, presence: RedisPresence) -> None:
        self.instance = instance
        self.presence: Presence = presence
        self.connections: dict[tuple[str, str], Connection] = {}
        self.pumps: dict[tuple[str, str], Pump] = {}
        self.housekeeping = Housekeeping(self, TASKS, ())

    def owner_of(self, connection: Connection) -> Owner:
        raise AssertionError("there are no connections")

    def claimed(self, connection: Connection, before: Owner | None) -> None:
        raise AssertionError("there are no connections")

    def command_ended(self, tenant: str, command: Document) -> None:
        raise AssertionError("there are no commands")


def owner(station: str, instance: str, epoch: int = 1) -> Owner:
    return Owner("anna", station, instance, epoch, "1.6", NOON)


async def test_who_has_just_taken_a_lease_takes_nobody_for_dead(presence: RedisPresence) -> None:
    """After an outage of Redis everybody's lease is gone, and one is the first to renew it."""
    await presence.remember({"two"})
    assert await presence.dead_instances() == {"two"}
    instances = Instances(Host("one", presence), presence)
    await instances.join()
    assert await presence.alive({"one", "two"}) == {"one"}
    assert await presence.may_bury("two"), "somebody is burying it already"
    await instances.leave(in_order=True)


async def test_who_leaves_in_order_is_not_looked_after(presence: RedisPresence) -> None:
    for instance in ("one", "two"):
        await presence.renew_lease(instance)
    await presence.leave("one", in_order=True)
    assert await presence.dead_instances() == set()
    await presence.leave("two", in_order=False)
    assert await presence.dead_instances() == {"two"}


async def test_an_instances_entries_are_dropped_and_no_others(presence: RedisPresence) -> None:
    for instance in ("one", "two"):
        await presence.renew_lease(instance)
    for place, instance in enumerate(("one", "one", "two")):
        await presence.claim(owner(f"CP{place}", instance))
    await presence.drop("anna", "one", unless=lambda entry: entry.station == "CP0")
    assert [one.station for one in await presence.owners("anna")] == ["CP0", "CP2"]
    await presence.drop("anna", "two")
    assert [one.station for one in await presence.owners("anna")] == ["CP0"]


async def test_what_a_predecessor_of_the_same_id_has_left_is_not_ours(presence: RedisPresence, anna: Operator) -> None:
    """Only the process is new: the lease of its id may still live, and with it the entries."""
    entry = Owner(anna.slug, "CP0", "one", 1, "1.6", NOON)
    await presence.renew_lease("one")
    await presence.claim(entry)
    assert await presence.lookup(anna.slug, "CP0") == entry
    instances = Instances(Host("one", presence), presence)
    await instances.join()
    assert await presence.lookup(anna.slug, "CP0") is None
    await instances.leave(in_order=True)
