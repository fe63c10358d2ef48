"""What becomes due in a tenant that has no station here: seen ahead of its time by a look from afar, done in time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chargepoints.commands import COMMANDS, find_command, store_command
from ocpp_gateway.connection import Connection
from ocpp_gateway.gateway import TASKS
from ocpp_gateway.housekeeping import Housekeeping
from ocpp_gateway.pump import Pump
from ocpp_gateway.turns import AHEAD_SECONDS
from tenants.clients import Document, close_async_client
from tenants.unit_of_work import flush_commits
from tests.people import Installed, Operator


class Host:
    """An instance without sockets."""

    instance = "test"

    def __init__(self) -> None:
        self.connections: dict[tuple[str, str], Connection] = {}
        self.pumps: dict[tuple[str, str], Pump] = {}
        self.ended: list[str] = []

    def command_ended(self, tenant: str, command: Document) -> None:
        self.ended.append(command["_id"])


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    """Whatever a test has begun to write is written at its end, and its loop's database client closed."""
    yield Host()
    await flush_commits()
    await close_async_client()


@pytest.fixture
def housekeeping(host: Host) -> Housekeeping:
    # A clock that stands: no other turn of the tenants begins while a test runs.
    return Housekeeping(host, TASKS, (), clock=lambda: 1000.0)


async def queued(operator: Operator, charger: Installed, seconds: float) -> str:
    """Return the id of a command for a station that is offline, whose time will be over in so many seconds."""
    new = charger.to_clear_its_cache(seconds=seconds)
    command, _ = await store_command(operator.record(), new, datetime.now(UTC))
    return str(command["_id"])


async def turn_back(operator: Operator, command: str, **times: Any) -> None:
    """Change a command as if it had been asked for some time before."""
    await operator.record().database[COMMANDS].update_one({"_id": command}, {"$set": times})


async def state(operator: Operator, command: str) -> str:
    found = await find_command(operator.record(), command)
    assert found is not None
    return str(found["state"])


async def test_what_was_seen_ahead_is_ended_at_the_next_look(
    housekeeping: Housekeeping, host: Host, anna: Operator, charger: Installed
) -> None:
    command = await queued(anna, charger, AHEAD_SECONDS - 10)
    await housekeeping.look()
    assert await state(anna, command) == "queued"
    await turn_back(anna, command, expires_at=datetime.now(UTC))
    await housekeeping.look()
    assert await state(anna, command) == "expired"
    assert host.ended == [command]


async def test_what_is_far_ahead_makes_no_looks(housekeeping: Housekeeping, anna: Operator, charger: Installed) -> None:
    command = await queued(anna, charger, AHEAD_SECONDS * 10)
    await housekeeping.look()
    await turn_back(anna, command, expires_at=datetime.now(UTC))
    await housekeeping.look()
    assert await state(anna, command) == "queued", "it was looked at although nothing said so"
    housekeeping.look_everywhere()
    await housekeeping.look()
    assert await state(anna, command) == "expired"


async def test_where_a_command_is_taken_in_is_looked_at_often(
    housekeeping: Housekeeping, anna: Operator, charger: Installed
) -> None:
    await housekeeping.look()
    command = await queued(anna, charger, 0)
    housekeeping.look_soon(anna.slug)
    await housekeeping.look()
    assert await state(anna, command) == "expired"


async def test_what_a_dead_process_has_left_is_seen_from_afar(
    housekeeping: Housekeeping, host: Host, anna: Operator, charger: Installed
) -> None:
    """Its station went offline, and the end of what it had been sent was not stored."""
    command = await queued(anna, charger, 60)
    await turn_back(anna, command, state="sent", deadline=datetime.now(UTC) - timedelta(seconds=20))
    await housekeeping.look()
    assert await state(anna, command) == "failed"
    assert host.ended == [command]


async def test_a_database_that_refuses_harms_no_other_and_is_tried_again(
    housekeeping: Housekeeping, anna: Operator, boris: Operator, charger: Installed
) -> None:
    """`anna` comes before `boris`; a view in the place of a collection fails whoever reads it."""
    database = anna.record().database
    command, theirs = await queued(anna, charger, 0), await queued(boris, boris.installs(), 0)
    pipeline = [{"$match": {"$expr": {"$divide": [1, 0]}}}]
    await database["reservations"].rename("reservations_kept")
    await database.command("create", "reservations", viewOn="commands", pipeline=pipeline)
    try:
        await housekeeping.look()
        assert (await state(anna, command), await state(boris, theirs)) == ("queued", "expired")
    finally:
        await database["reservations"].drop()
        await database["reservations_kept"].rename("reservations")
    await housekeeping.look()
    assert await state(anna, command) == "expired"
