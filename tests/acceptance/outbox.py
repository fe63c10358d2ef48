"""Waiting for a tenant's outbox, by MongoDB's own notice of every deletion."""

from __future__ import annotations

import time
from typing import Any

from pymongo.database import Database


def wait_until_published(database: Database[dict[str, Any]], deadline: float = 60.0) -> None:
    """Return once every row of the outbox was taken by the broker and deleted."""
    end = time.monotonic() + deadline
    outbox = database["outbox"]
    # Opened before the first look: no deletion can fall between the two.
    with outbox.watch([{"$match": {"operationType": "delete"}}], max_await_time_ms=500) as deletions:
        while outbox.find_one() is not None:
            assert time.monotonic() < end, f"{outbox.count_documents({})} outbox rows are left after {deadline:g} s"
            deletions.try_next()
