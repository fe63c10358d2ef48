"""Durable writes of one tenant: state changes and the events they cause, in one transaction, many callers at a time.

A `UnitOfWork` collects what one message changes. `await unit.commit()` returns once MongoDB has acknowledged
the majority write. Units that wait at the same moment share one transaction (`docs/adr/0003-grouped-commits.md`).
"""

from __future__ import annotations

import asyncio
from functools import partial

from django.conf import settings

from csms.redis import async_redis
from events.hints import Nudges
from tenants.clients import Document
from tenants.directory import TenantRecord
from tenants.group_commit import GroupCommitter

_committers: dict[tuple[asyncio.AbstractEventLoop, str], GroupCommitter] = {}
_loop_nudges: dict[asyncio.AbstractEventLoop, Nudges] = {}


class UnitOfWork:
    """The writes and events of one message; nothing is stored before `commit`, and all of it or nothing after."""

    __slots__ = ("tenant", "inserts", "updates", "events")

    def __init__(self, tenant: TenantRecord) -> None:
        self.tenant = tenant
        self.inserts: list[tuple[str, Document]] = []
        self.updates: list[tuple[str, Document, bool]] = []
        self.events: list[Document] = []

    def insert(self, collection: str, document: Document) -> None:
        """Add a new document. It must carry its `_id`, so that a retry finds the first copy."""
        self.inserts.append((collection, document))

    def update(
        self,
        collection: str,
        query: Document,
        change: Document | list[Document],
        *,
        upsert: bool = False,
        must_match: bool = False,
    ) -> None:
        """Change one document, by operators or by a pipeline.

        With `must_match` the commit fails with `NothingMatched` if there is none.
        """
        statement: Document = {"q": query, "u": change, "multi": False, "upsert": upsert}
        self.updates.append((collection, statement, must_match))

    def add_event(self, event: Document) -> None:
        """Add an event to the outbox row that is written with the state."""
        self.events.append(event)

    async def commit(self) -> None:
        """Return once everything is durable.

        Raises:
            DuplicateRecord: an inserted `_id` or unique value exists already; nothing of this unit was stored.
            NothingMatched: a `must_match` update found no document; nothing of this unit was stored.
            StorageUnavailable: MongoDB did not acknowledge in time. A retry is safe.
        """
        if self.inserts or self.updates or self.events:
            await committer_for(self.tenant).commit(self)


def committer_for(tenant: TenantRecord) -> GroupCommitter:
    """Return the running event loop's committer of a tenant."""
    key = (asyncio.get_running_loop(), tenant.slug)
    committer = _committers.get(key)
    if committer is None:
        nudge = partial(_nudges(key[0]).outbox_written, tenant.slug)
        committer = _committers[key] = GroupCommitter(tenant.database, on_events=nudge)
    return committer


def _nudges(loop: asyncio.AbstractEventLoop) -> Nudges:
    found = _loop_nudges.get(loop)
    if found is None:
        found = _loop_nudges[loop] = Nudges(async_redis(), settings.OUTBOX_CHANNEL)
    return found


async def flush_commits() -> None:
    """Wait until every unit handed to this loop's committers is settled; part of a clean shutdown."""
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(c.flush() for (owner, _), c in _committers.items() if owner is loop))
