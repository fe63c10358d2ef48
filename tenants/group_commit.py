"""Grouped commits: the units of one tenant that wait together go into one MongoDB transaction.

A transaction costs about the same for one write as for a hundred, because the time goes into round trips and the
journal. So the first unit starts a batch at once, and whatever arrives while it is under way forms the next.
A batch that fails as a whole is retried; one that fails because of a single unit is halved until that unit stands
alone, so that a bad one never harms its neighbours.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextvars import Context
from itertools import groupby
from operator import itemgetter
from typing import Any, Protocol

import structlog
from bson.errors import InvalidDocument
from django.conf import settings
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConnectionFailure, DocumentTooLarge, ExecutionTimeout, PyMongoError, WTimeoutError
from pymongo.write_concern import WriteConcern

from csms.errors import StorageUnavailable
from events.outbox import OUTBOX, outbox_row
from tenants.transaction_session import Sessions

Document = dict[str, Any]

MAJORITY = WriteConcern("majority")
# Larger batches gain nothing once the round trips are spread over this many units.
BATCH_UNITS = 512
# Callers beyond this many wait before they are queued: memory stays bounded while MongoDB is slow.
QUEUE_UNITS = 8192
# While one batch waits for the journal, the next is sent.
BATCHES_IN_FLIGHT = 2
_DUPLICATE_KEY = 11000
_FIRST_RETRY_SECONDS = 0.01
_LAST_RETRY_SECONDS = 1.0

log = structlog.get_logger(__name__)


class UnitFailed(Exception):
    """One unit cannot be stored, whatever its neighbours do."""


class DuplicateRecord(UnitFailed):
    """What a unit inserts exists already."""


class NothingMatched(UnitFailed):
    """A document that a unit must change is not there, or not in the expected state."""


class Unit(Protocol):
    """What a committer needs to know of a unit of work."""

    inserts: list[tuple[str, Document]]
    updates: list[tuple[str, Document, bool]]
    events: list[Document]


class _Waiting:
    """A unit and the caller that waits for it."""

    __slots__ = ("unit", "done", "keys")

    def __init__(self, unit: Unit, done: asyncio.Future[None]) -> None:
        self.unit = unit
        self.done = done
        # The documents it changes and the stations it tells of: two batches under way never share one, so
        # that changes and events are stored in the order in which they were handed over.
        self.keys = {(collection, statement["q"].get("_id")) for collection, statement, _ in unit.updates}
        self.keys.update(("station", event["station"]) for event in unit.events)


class GroupCommitter:
    """Commits the units of one tenant's database, on one event loop."""

    def __init__(
        self,
        database: AsyncDatabase[Document],
        *,
        batch_units: int = BATCH_UNITS,
        queue_units: int = QUEUE_UNITS,
        batches_in_flight: int = BATCHES_IN_FLIGHT,
        timeout: float | None = None,
        on_events: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._sessions = Sessions(database.client)
        self._batch_units = batch_units
        self._on_events = on_events
        self._batches_in_flight = batches_in_flight
        self._timeout = settings.STORAGE_TIMEOUT if timeout is None else timeout
        self._waiting: deque[_Waiting] = deque()
        self._room = asyncio.Semaphore(queue_units)
        self._running: set[asyncio.Task[None]] = set()
        self._busy_keys: set[tuple[str, Any]] = set()
        self._start_scheduled = False

    async def commit(self, unit: Unit) -> None:
        """Return once the unit is durable; see `UnitOfWork.commit` for what is raised."""
        await self._room.acquire()
        try:
            loop = asyncio.get_running_loop()
            waiting = _Waiting(unit, loop.create_future())
            self._waiting.append(waiting)
            if not self._start_scheduled and len(self._running) < self._batches_in_flight:
                # Not at once: units of the same turn of the loop join the batch.
                self._start_scheduled = True
                loop.call_soon(self._start)
            await waiting.done
        finally:
            self._room.release()

    async def flush(self) -> None:
        """Return when no unit waits any more."""
        while self._waiting or self._running:
            if self._running:
                await asyncio.wait(self._running)
            else:
                await asyncio.sleep(0)

    def _start(self) -> None:
        self._start_scheduled = False
        while self._waiting and len(self._running) < self._batches_in_flight:
            batch = self._take_batch()
            if not batch:
                return
            # Without the context of whoever came first: its time limit is not that of its neighbours.
            keys = {key for waiting in batch for key in waiting.keys}
            self._busy_keys |= keys
            task = asyncio.get_running_loop().create_task(self._commit_batch(batch), context=Context())
            self._running.add(task)
            task.add_done_callback(lambda done, keys=keys: self._finish(done, keys))  # type: ignore[misc]

    def _finish(self, task: asyncio.Task[None], keys: set[tuple[str, Any]]) -> None:
        self._running.discard(task)
        self._busy_keys -= keys
        self._start()

    def _take_batch(self) -> list[_Waiting]:
        """Take the oldest units whose documents no batch under way touches; the order per document is kept."""
        batch: list[_Waiting] = []
        held_back: list[_Waiting] = []
        blocked = set(self._busy_keys)
        while self._waiting and len(batch) < self._batch_units:
            waiting = self._waiting.popleft()
            if blocked and not blocked.isdisjoint(waiting.keys):
                blocked.update(waiting.keys)
                held_back.append(waiting)
            else:
                batch.append(waiting)
        self._waiting.extendleft(reversed(held_back))
        return batch

    async def _commit_batch(self, batch: list[_Waiting]) -> None:
        try:
            await self._store_with_retries([waiting.unit for waiting in batch])
        except StorageUnavailable as error:
            _fail(batch, error)
        except Exception as error:  # noqa: BLE001  handed to the caller it belongs to
            if len(batch) > 1:
                # By halves, so that one bad unit among hundreds costs some twenty transactions and not hundreds.
                half = len(batch) // 2
                await self._commit_batch(batch[:half])
                await self._commit_batch(batch[half:])
            else:
                _fail(batch, error)
        else:
            for waiting in batch:
                if not waiting.done.done():
                    waiting.done.set_result(None)

    async def _store_with_retries(self, units: Sequence[Unit]) -> None:
        deadline = time.monotonic() + self._timeout
        pause = _FIRST_RETRY_SECONDS
        while True:
            try:
                async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                    return await self._store(units)
            except TimeoutError as error:
                reason: Exception = error
            except PyMongoError as error:
                if not _is_transient(error):
                    raise
                reason = error
            if time.monotonic() + pause >= deadline:
                log.error("storage_unavailable", database=self._database.name, units=len(units), reason=str(reason))
                raise StorageUnavailable("the database did not acknowledge the write in time") from reason
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LAST_RETRY_SECONDS)

    async def _store(self, units: Sequence[Unit]) -> None:
        inserts, updates, events = _by_collection(units)
        async with self._sessions.session() as session:
            await session.start_transaction(write_concern=MAJORITY)
            for collection, documents in inserts.items():
                await self._run({"insert": collection, "documents": documents}, session)
            for collection, statements in updates.items():
                # The reply counts a whole command, so updates that must match never share one with others.
                for must_match, run in groupby(statements, key=itemgetter(1)):
                    await self._update(collection, [statement for statement, _ in run], must_match, session)
            if events:
                await self._run({"insert": OUTBOX, "documents": [outbox_row(events)]}, session)
            await _commit(session)
        if events:
            self._on_events()

    async def _update(
        self, collection: str, statements: list[Document], must_match: bool, session: AsyncClientSession
    ) -> None:
        reply = await self._run({"update": collection, "updates": statements}, session)
        if must_match and reply["n"] < len(statements):
            raise NothingMatched(f"an update of {collection} found no document in the expected state")

    async def _run(self, command: Document, session: AsyncClientSession) -> Document:
        reply: Document = await self._database.command(command, session=session)
        for error in reply.get("writeErrors", ()):
            if error["code"] == _DUPLICATE_KEY:
                raise DuplicateRecord(error["errmsg"])
            raise UnitFailed(error["errmsg"])
        return reply


async def _commit(session: AsyncClientSession) -> None:
    """Commit; repeat only the commit itself while its outcome is unknown."""
    while True:
        try:
            return await session.commit_transaction()
        except PyMongoError as error:
            if not error.has_error_label("UnknownTransactionCommitResult") or isinstance(error, ExecutionTimeout):
                raise
            await asyncio.sleep(_FIRST_RETRY_SECONDS)


def _by_collection(
    units: Iterable[Unit],
) -> tuple[dict[str, list[Document]], dict[str, list[tuple[Document, bool]]], list[Document]]:
    inserts: dict[str, list[Document]] = {}
    updates: dict[str, list[tuple[Document, bool]]] = {}
    events: list[Document] = []
    for unit in units:
        for collection, document in unit.inserts:
            inserts.setdefault(collection, []).append(document)
        for collection, statement, must_match in unit.updates:
            updates.setdefault(collection, []).append((statement, must_match))
        events.extend(unit.events)
    return inserts, updates, events


def _is_transient(error: PyMongoError) -> bool:
    if isinstance(error, (DocumentTooLarge, InvalidDocument)):
        return False
    return isinstance(error, (ConnectionFailure, WTimeoutError)) or error.has_error_label("TransientTransactionError")


def _fail(batch: Iterable[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.done.done():
            waiting.done.set_exception(error)
