"""A database of a test's own to commit to, and a look at what is sent to MongoDB."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from pymongo import AsyncMongoClient, MongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.database import Database
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from events.outbox import OLDEST_FIRST
from tenants.group_commit import GroupCommitter

Document = dict[str, Any]
_ENDS = ("commitTransaction", "abortTransaction")


class Traffic(CommandListener):
    """Counts commands, and the transactions that are open at the same time."""

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()
        self.most_documents = 0
        self.most_transactions = 0
        self.conflict = asyncio.Event()
        self._open: set[bytes] = set()

    def started(self, event: CommandStartedEvent) -> None:
        self.sent[event.command_name] += 1
        self.most_documents = max(self.most_documents, len(event.command.get("documents", ())))
        if event.command.get("startTransaction"):
            self._open.add(bytes(event.command["lsid"]["id"]))
            self.most_transactions = max(self.most_transactions, len(self._open))
        if event.command_name in _ENDS:
            self._open.discard(bytes(event.command["lsid"]["id"]))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        pass

    def failed(self, event: CommandFailedEvent) -> None:
        if event.failure.get("codeName") == "WriteConflict":
            self.conflict.set()


class Scratch:
    """A database with the collections `things` and `outbox`, empty at first, and a look at it from outside."""

    def __init__(self, uri: str, name: str = "scratch") -> None:
        self.traffic = Traffic()
        self._direct: MongoClient[Document] = MongoClient(uri, tz_aware=True)
        self._client: AsyncMongoClient[Document] = AsyncMongoClient(
            uri, tz_aware=True, w="majority", event_listeners=[self.traffic]
        )
        self.db: Database[Document] = self._direct[name]
        for collection in ("things", "outbox"):
            self.db[collection].delete_many({})

    @property
    def client(self) -> MongoClient[Document]:
        return self._direct

    @property
    def database(self) -> AsyncDatabase[Document]:
        return self._client[self.db.name]

    def committer(self, **options: Any) -> GroupCommitter:
        """Return a committer to this database."""
        return GroupCommitter(self.database, **options)

    def ids(self) -> list[Any]:
        """Return the ids of all things."""
        return sorted(thing["_id"] for thing in self.db["things"].find())

    def events(self) -> list[Document]:
        """Return the events of the outbox, in the order in which they will be sent."""
        return [event for row in self.db["outbox"].find().sort(OLDEST_FIRST) for event in row["events"]]

    async def close(self) -> None:
        """Close the clients."""
        await self._client.close()
        self._direct.close()


class Unit:
    """A unit of work with what a test puts into it."""

    def __init__(self) -> None:
        self.inserts: list[tuple[str, Document]] = []
        self.updates: list[tuple[str, Document, bool]] = []
        self.events: list[Document] = []

    def event(self, station: str, number: int) -> Unit:
        self.events.append({"event_id": f"{station}/{number}", "station": station, "sequence": number})
        return self


def inserting(identity: Any, **fields: Any) -> Unit:
    """Return a unit that adds a thing."""
    unit = Unit()
    unit.inserts.append(("things", {"_id": identity, **fields}))
    return unit


def changing(identity: Any, change: Document, *, must_match: bool = False, upsert: bool = False, **query: Any) -> Unit:
    """Return a unit that changes a thing."""
    unit = Unit()
    statement = {"q": {"_id": identity, **query}, "u": change, "multi": False, "upsert": upsert}
    unit.updates.append(("things", statement, must_match))
    return unit
