"""Reads that share a query: everybody gets what they asked for, as it was after they had asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from bson.errors import InvalidDocument
from pymongo.errors import PyMongoError

from csms.embedded.stack import Stack
from tenants.grouped_reads import BATCH_KEYS, READS_IN_FLIGHT, GroupedReads
from tests.domain.committing import Document, Scratch
from tests.embedded.private_servers import PrivateServers


@pytest.fixture
async def scratch(embedded_stack: Stack) -> AsyncIterator[Scratch]:
    """Three hundred things, two of each kind."""
    scratch = Scratch(embedded_stack.mongodb.url)
    scratch.db["things"].insert_many([{"_id": number, "kind": number // 2, "more": "x"} for number in range(300)])
    yield scratch
    await scratch.close()


def by_id(scratch: Scratch, projection: tuple[str, ...] = ()) -> GroupedReads:
    return GroupedReads(scratch.database["things"], "_id", projection)


async def test_each_gets_their_own_and_the_queries_are_few(scratch: Scratch) -> None:
    reads = by_id(scratch)
    found = await asyncio.gather(*(reads.find_one(number % 310) for number in range(620)))
    assert [document and document["_id"] for document in found] == [
        number % 310 if number % 310 < 300 else None for number in range(620)
    ]
    assert scratch.traffic.sent["find"] == -(-310 // BATCH_KEYS)
    assert scratch.traffic.sent["getMore"] == 0


async def test_all_documents_of_a_key(scratch: Scratch) -> None:
    reads = GroupedReads(scratch.database["things"], "kind")
    first, none, last = await asyncio.gather(reads.find(0), reads.find(4711), reads.find(149))
    assert [document["_id"] for document in (*first, *none, *last)] == [0, 1, 298, 299]


async def test_a_projection_always_has_the_key(scratch: Scratch) -> None:
    reads = GroupedReads(scratch.database["things"], "kind", ("more",))
    assert await reads.find(7) == [{"_id": 14, "kind": 7, "more": "x"}, {"_id": 15, "kind": 7, "more": "x"}]


async def test_whoever_has_written_finds_it(scratch: Scratch) -> None:
    """However many others read at the same time: nobody is given what was read before they asked."""
    reads, things = by_id(scratch), scratch.database["things"]
    writing = True

    async def look() -> None:
        while writing:
            await asyncio.gather(*(reads.find_one(number) for number in range(20)))

    lookers = [asyncio.create_task(look()) for _ in range(8)]
    for value in range(100):
        await things.update_one({"_id": value % 20}, {"$set": {"value": value}})
        found = await reads.find_one(value % 20)
        assert found is not None
        assert found["value"] == value
    writing = False
    await asyncio.gather(*lookers)


async def test_a_key_that_cannot_be_asked_for_harms_nobody_else(scratch: Scratch) -> None:
    reads = by_id(scratch)
    keys = [1, 2**70, object(), 2]
    results = await asyncio.gather(*(reads.find_one(key) for key in keys), return_exceptions=True)
    assert [isinstance(result, Exception) for result in results] == [False, True, True, False]
    assert isinstance(results[1], OverflowError)
    assert isinstance(results[2], InvalidDocument)


async def test_who_gives_up_takes_nothing_from_the_others(scratch: Scratch) -> None:
    reads = by_id(scratch)
    impatient = [asyncio.create_task(reads.find_one(1)) for _ in range(3)]
    patient = asyncio.create_task(reads.find_one(1))
    await asyncio.sleep(0)
    for task in impatient:
        task.cancel()
    found = await patient
    assert found is not None
    assert found["_id"] == 1
    assert [task.cancelled() for task in impatient] == [True] * 3


async def found_at_last(reads: GroupedReads) -> list[Document | None]:
    while True:
        with suppress(PyMongoError):  # the driver has not found the server again
            return await asyncio.gather(*(reads.find_one(number) for number in range(READS_IN_FLIGHT + 1)))


async def test_everybody_is_told_when_mongodb_is_gone_and_served_when_it_is_back(
    private_servers: PrivateServers,
) -> None:
    mongod = private_servers.mongodb()
    scratch = Scratch(f"{mongod.url}&serverSelectionTimeoutMS=500")
    reads = by_id(scratch)
    mongod.kill()
    results: list[Document | BaseException | None] = await asyncio.gather(
        *(reads.find_one(number) for number in range(3 * BATCH_KEYS)), return_exceptions=True
    )
    assert all(isinstance(result, PyMongoError) for result in results)
    mongod.start()
    async with asyncio.timeout(30):
        assert await found_at_last(reads) == [None] * (READS_IN_FLIGHT + 1)
    await scratch.close()
