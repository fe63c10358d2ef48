"""mongod is killed in the middle of commits: nothing acknowledged is lost, and nothing is stored twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from csms.embedded.mongodb import MongoServer
from csms.errors import StorageUnavailable
from tenants.group_commit import DuplicateRecord, GroupCommitter
from tests.domain.committing import Scratch, inserting
from tests.embedded.private_servers import PrivateServers

pytestmark = pytest.mark.slow
DEADLINE = 120.0
WRITERS = 20


@pytest.fixture
def mongod(private_servers: PrivateServers) -> MongoServer:
    """A server of the test's own."""
    return private_servers.mongodb()


@pytest.fixture
async def scratch(mongod: MongoServer) -> AsyncIterator[Scratch]:
    database = Scratch(mongod.url)
    yield database
    await database.close()


class Writers:
    """Many callers that commit one thing after another, and keep the ids of those that were acknowledged."""

    def __init__(self, committer: GroupCommitter) -> None:
        self._committer = committer
        self._progress = asyncio.Event()
        self._stopping = False
        self.acknowledged: list[str] = []
        self.told_unavailable = 0

    async def write(self, writer: int) -> None:
        number = 0
        while not self._stopping:
            number += 1
            await self._store(f"{writer:02d}/{number:05d}", f"S{writer}", number)

    async def _store(self, identity: str, station: str, number: int) -> None:
        """Store a thing as a station would: again and again, until it is acknowledged or found to be stored."""
        while True:
            try:
                await self._committer.commit(inserting(identity).event(station, number))
            except StorageUnavailable:
                self.told_unavailable += 1
                continue
            except DuplicateRecord:
                assert self.told_unavailable, "only a commit whose outcome was unknown may have been stored"
            self.acknowledged.append(identity)
            self._progress.set()
            return

    async def until(self, count: int) -> None:
        """Return when so many more are acknowledged."""
        goal = len(self.acknowledged) + count
        while len(self.acknowledged) < goal:
            self._progress.clear()
            await self._progress.wait()

    def stop(self) -> None:
        self._stopping = True


@pytest.mark.parametrize("limit", [60.0, 0.5], ids=["waited out", "callers are told"])
async def test_nothing_acknowledged_is_lost_and_nothing_stored_twice(
    mongod: MongoServer, scratch: Scratch, limit: float
) -> None:
    writers = Writers(scratch.committer(timeout=limit))
    async with asyncio.timeout(DEADLINE), asyncio.TaskGroup() as group:
        for writer in range(WRITERS):
            group.create_task(writers.write(writer))
        for _ in range(2):
            await writers.until(300)
            await asyncio.to_thread(mongod.kill)
            await asyncio.to_thread(mongod.start)
            await writers.until(300)
        writers.stop()
    assert set(writers.acknowledged) <= set(scratch.ids())
    assert (writers.told_unavailable > 0) == (limit < 1)
    events = Counter(event["event_id"] for event in scratch.events())
    assert set(events.values()) == {1}, "the events of a commit were stored twice"
    assert len(events) == len(scratch.ids()), "each thing with its event, or neither"
    for writer in range(WRITERS):
        numbers = [event["sequence"] for event in scratch.events() if event["station"] == f"S{writer}"]
        assert numbers == list(range(1, len(numbers) + 1))
