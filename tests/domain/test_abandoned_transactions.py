"""A process is killed with its transaction open: whoever needs the same document need not wait for a minute."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from csms.embedded.stack import Stack
from tenants import abandoned_transactions
from tenants.abandoned_transactions import end_abandoned_transactions
from tenants.clients import APP_NAME, async_clients, async_database, close_async_client
from tests.domain.committing import Document, Scratch

# Changes the thing in a transaction, and does nothing more.
OPEN = """
import sys
from pymongo import MongoClient
uri, app, database = sys.argv[1:]
with MongoClient(uri, appname=app) as client, client.start_session() as session:
    session.start_transaction()
    client[database]["things"].update_one({"_id": 1}, {"$set": {"by": "the other"}}, session=session)
    print("open", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
async def scratch(embedded_stack: Stack) -> AsyncIterator[Scratch]:
    scratch = Scratch(embedded_stack.mongodb.url)
    scratch.db["things"].insert_one({"_id": 1})
    yield scratch
    await scratch.close()


@contextmanager
def process_with_open_transaction(scratch: Scratch, uri: str, app: str = APP_NAME) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", OPEN, uri, app, scratch.db.name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        yield process
        process.kill()


async def ended_at_last(client: AsyncMongoClient[Document]) -> int:
    """Look until there was something to end."""
    while not (ended := await end_abandoned_transactions(client, pause=0.05)):
        pass
    return ended


async def test_that_of_a_killed_process_is_ended(scratch: Scratch, embedded_stack: Stack) -> None:
    client, things = scratch.database.client, scratch.database["things"]
    with process_with_open_transaction(scratch, embedded_stack.mongodb.url) as process:
        process.kill()
        assert await ended_at_last(client) == 1
        await things.update_one({"_id": 1}, {"$set": {"by": "us"}}, comment="would wait for the transaction")
    assert scratch.db["things"].find_one({"_id": 1}) == {"_id": 1, "by": "us"}


async def test_that_of_a_living_process_is_left_alone_for_some_seconds(scratch: Scratch, embedded_stack: Stack) -> None:
    client = scratch.database.client
    with process_with_open_transaction(scratch, embedded_stack.mongodb.url):
        for _ in range(5):
            assert await end_abandoned_transactions(client, pause=0.0) == 0
        # Its machine may have lost its power: then the connection stays.
        assert await end_abandoned_transactions(client, pause=0.0, idle=0.0) == 1


async def test_those_of_other_products_are_left_alone(scratch: Scratch, embedded_stack: Stack) -> None:
    client = scratch.database.client
    with process_with_open_transaction(scratch, embedded_stack.mongodb.url, app="theirs") as process:
        process.kill()
        process.wait()
        assert await end_abandoned_transactions(client, pause=0.0, idle=0.0) == 0


async def test_a_user_without_the_right_to_look_is_told_once_a_minute(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def refused(*_: object) -> int:
        raise OperationFailure("not authorized on admin to execute command", 13)

    monkeypatch.setattr(abandoned_transactions, "end_abandoned_transactions", refused)
    assert await abandoned_transactions._look(scratch.database.client) == 60.0
    assert "docs/delivery.md" in caplog.text


async def test_tenants_that_log_in_as_themselves_are_looked_at_too(embedded_stack: Stack, settings: Any) -> None:
    settings.MONGODB_TENANT_URI = embedded_stack.mongodb.url
    own = async_database(f"{settings.MONGODB_TENANT_PREFIX}anna").client
    assert async_clients()[1:] == [own]
    assert async_clients()[0] is not own
    await close_async_client()
