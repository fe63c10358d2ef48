"""Grouped reads: what the callers of one tenant ask for at the same moment is fetched with one query.

A read costs the driver about the same for one document as for a hundred: a command, a round trip, a cursor. So the
first caller's read starts at once, and the keys that are asked for while it is under way share the next one. Nobody
gets what was read before they asked: whoever has just written something finds it.
"""

from __future__ import annotations

import asyncio
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from csms.lifecycle import background
from tenants.clients import Document
from tenants.directory import TenantRecord

# More keys in one query gain nothing once the round trip is spread over this many.
BATCH_KEYS = 256
# While one answer is on its way, the next question is sent.
READS_IN_FLIGHT = 2
# Documents in the first answer of a cursor, so that there is no second one: ten connectors for each key.
_FIRST_ANSWER = 10 * BATCH_KEYS

# Fields, and the values of which each must hold one.
Where = tuple[tuple[str, tuple[str, ...]], ...]
_Batch = dict[Any, list[asyncio.Future[list[Document]]]]


class GroupedReads:
    """Reads of one collection by the value of one field, on one event loop.

    Callers that ask for the same key at the same moment get the same documents, which they must not change.
    """

    __slots__ = ("_collection", "_field", "_projection", "_running", "_scheduled", "_waiting", "_where")

    def __init__(
        self, collection: AsyncCollection[Document], field: str, projection: tuple[str, ...] = (), where: Where = ()
    ) -> None:
        self._collection = collection
        self._field = field
        self._where: Document = {name: {"$in": list(values)} for name, values in where}
        self._projection = list({*projection, field}) if projection else None
        self._waiting: _Batch = {}
        self._running = 0
        self._scheduled = False

    async def find_one(self, key: Any) -> Document | None:
        """Return the document whose field holds `key`, if there is one. Raises PyMongoError."""
        found = await self.find(key)
        return found[0] if found else None

    async def find(self, key: Any) -> list[Document]:
        """Return all documents whose field holds `key`. Raises PyMongoError."""
        loop = asyncio.get_running_loop()
        found: asyncio.Future[list[Document]] = loop.create_future()
        self._waiting.setdefault(key, []).append(found)
        if not self._scheduled and self._running < READS_IN_FLIGHT:
            # Not at once: callers of the same turn of the loop join the query.
            self._scheduled = True
            loop.call_soon(self._start)
        return await found

    def _start(self) -> None:
        self._scheduled = False
        while self._waiting and self._running < READS_IN_FLIGHT:
            keys = list(self._waiting)[:BATCH_KEYS]
            self._running += 1
            # Without the context of whoever came first: its time limit is not that of its neighbours.
            background(self._read({key: self._waiting.pop(key) for key in keys}), "grouped_read")

    async def _read(self, batch: _Batch) -> None:
        try:
            await self._answer(batch)
        finally:
            self._running -= 1
            self._start()

    async def _answer(self, batch: _Batch) -> None:
        try:
            documents = await self._fetch(list(batch))
        except Exception as error:  # noqa: BLE001  handed to the callers it belongs to
            if len(batch) > 1 and not isinstance(error, PyMongoError):
                # A key that cannot be asked for must not harm its neighbours.
                for key, callers in batch.items():
                    await self._answer({key: callers})
            else:
                for caller in _still_there(batch):
                    caller.set_exception(error)
        else:
            for key, callers in batch.items():
                for caller in _still_there({key: callers}):
                    caller.set_result(documents.get(key, []))

    async def _fetch(self, keys: list[Any]) -> dict[Any, list[Document]]:
        query = {self._field: keys[0] if len(keys) == 1 else {"$in": keys}, **self._where}
        found: dict[Any, list[Document]] = {}
        for document in await self._collection.find(query, self._projection, batch_size=_FIRST_ANSWER).to_list():
            found.setdefault(document[self._field], []).append(document)
        return found


def _still_there(batch: _Batch) -> list[asyncio.Future[list[Document]]]:
    return [caller for callers in batch.values() for caller in callers if not caller.done()]


_reads: dict[tuple[asyncio.AbstractEventLoop, str, str, str, tuple[str, ...], Where], GroupedReads] = {}


def grouped_reads(
    tenant: TenantRecord, collection: str, *, field: str = "_id", projection: tuple[str, ...] = (), where: Where = ()
) -> GroupedReads:
    """Return the running event loop's reads of a tenant's collection.

    Args:
        projection: the fields that are read; all by default.
        where: only documents of which these fields hold one of these values.
    """
    key = (asyncio.get_running_loop(), tenant.slug, collection, field, projection, where)
    reads = _reads.get(key)
    if reads is None:
        reads = _reads[key] = GroupedReads(tenant.database[collection], field, projection, where)
    return reads
