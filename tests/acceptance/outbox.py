"""Waiting for a tenant's outbox, by MongoDB's own notice of every deletion."""

from __future__ import annotations

import time
from typing import Any

from pymongo.change_stream import ChangeStream
from pymongo.database import Database

Document = dict[str, Any]
_LOOK_SECONDS = 0.05


def wait_until_published(database: Database[Document], deadline: float = 60.0) -> None:
    """Return once every row of the outbox was taken by the broker and deleted."""
    end = time.monotonic() + deadline
    outbox = database["outbox"]
    # Opened before the first look: no deletion can fall between the two.
    with outbox.watch([{"$match": {"operationType": "delete"}}], max_await_time_ms=500) as deletions:
        while outbox.find_one(projection=["_id"]) is not None:
            assert time.monotonic() < end, f"{outbox.count_documents({})} outbox rows are left after {deadline:g} s"
            _next_deletions(deletions)


def _next_deletions(deletions: ChangeStream[Document]) -> None:
    """Wait for a deletion, and take all that have happened up to a moment later: a look costs more than a notice."""
    later = time.monotonic() + _LOOK_SECONDS
    while deletions.try_next() is not None and time.monotonic() < later:
        pass
