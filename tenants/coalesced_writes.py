"""Values worth storing but not worth a write per message: last seen, live power. Only the newest is written.

What is lost in a crash is at most `FLUSH_SECONDS` old and derivable: every meter value itself is durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from pymongo import UpdateOne
from pymongo.errors import PyMongoError

from csms.lifecycle import background
from tenants.directory import TenantRecord

FLUSH_SECONDS = 5.0
_BULK_LIMIT = 5000

log = structlog.get_logger(__name__)

_Key = tuple[str, str]
# Returns the fields to set. Called when they are written, so that what is overtaken by then costs nothing.
Change = Callable[[], dict[str, Any]]
_Documents = dict[_Key, tuple[dict[str, Any], list[Change]]]
# A message may carry one value and the next another, so more than the newest is kept, but not every one.
_CHANGES = 4


class CoalescedWrites:
    """The newest values per document, of all tenants of one event loop, flushed every few seconds."""

    def __init__(self) -> None:
        self._dirty: dict[str, tuple[TenantRecord, _Documents]] = {}
        self._flushing: asyncio.Task[None] | None = None

    def put(self, tenant: TenantRecord, collection: str, query: dict[str, Any], change: Change) -> None:
        """Have what `change` returns set on the document that `query` finds; `query` must contain its `_id`."""
        entry = self._dirty.get(tenant.slug)
        if entry is None:
            entry = self._dirty[tenant.slug] = (tenant, {})
        documents = entry[1]
        key = (collection, query["_id"])
        known = documents.get(key)
        if known is None:
            known = documents[key] = (query, [])
        known[1].append(change)
        if len(known[1]) > _CHANGES:
            del known[1][0]
        if self._flushing is None:
            self._flushing = background(self._flush_later(), "coalesced_writes")

    async def _flush_later(self) -> None:
        await asyncio.sleep(FLUSH_SECONDS)
        self._flushing = None
        await self.flush()

    async def flush(self) -> None:
        """Write everything that waits."""
        dirty, self._dirty = self._dirty, {}
        for tenant, documents in dirty.values():
            await self._write(tenant, documents)

    async def _write(self, tenant: TenantRecord, documents: _Documents) -> None:
        by_collection: dict[str, list[UpdateOne]] = {}
        for (collection, _), (query, changes) in documents.items():
            values = _newest(changes)
            if values:
                by_collection.setdefault(collection, []).append(UpdateOne(query, {"$set": values}))
        for collection, operations in by_collection.items():
            for start in range(0, len(operations), _BULK_LIMIT):
                try:
                    await tenant.database[collection].bulk_write(operations[start : start + _BULK_LIMIT], ordered=False)
                except PyMongoError as error:
                    # The next values make up for it; the durable writes have their own retries.
                    log.warning("live_values_not_written", tenant=tenant.slug, error=str(error))
                except Exception:
                    log.exception("live_values_unwritable", tenant=tenant.slug, collection=collection)


def _newest(changes: Iterable[Change]) -> dict[str, Any]:
    """Return the fields to set; what cannot be worked out is left out, so that it harms no other document."""
    values: dict[str, Any] = {}
    for change in changes:
        try:
            values.update(change())
        except Exception:
            log.exception("live_values_unknown")
    return values


_instances: dict[asyncio.AbstractEventLoop, CoalescedWrites] = {}


def coalesced_writes() -> CoalescedWrites:
    """Return the running event loop's writes."""
    loop = asyncio.get_running_loop()
    writes = _instances.get(loop)
    if writes is None:
        writes = _instances[loop] = CoalescedWrites()
    return writes
