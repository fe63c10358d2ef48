"""One publisher per tenant, by a lease in MongoDB: a tenant's events leave in order however many publishers run."""

from __future__ import annotations

import math
import time
from collections.abc import Collection as Several
from contextlib import suppress
from typing import Any

from pymongo import UpdateOne
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

LEASES = "publisher_leases"
LEASE_SECONDS = 15
RENEW_SECONDS = 5
_UNTIL = {"$add": ["$$NOW", LEASE_SECONDS * 1000]}


class Leases:
    """The leases of one publisher. Times in MongoDB are the database's own, so clocks need not agree.

    Attributes:
        safe_until: the monotonic time until which surely nobody else has taken what was renewed last.
    """

    def __init__(self, collection: Collection[dict[str, Any]], owner: str) -> None:
        self._collection = collection
        self._owner = owner
        self.safe_until = -math.inf

    def take_free(self, tenants: Several[str]) -> set[str]:
        """Take the leases that nobody holds and return the tenants among these that are ours now."""
        wanted = {"_id": {"$in": list(tenants)}}
        change = [{"$set": {"owner": self._owner, "until": _UNTIL}}]
        self._collection.update_many({**wanted, "$expr": {"$lt": ["$until", "$$NOW"]}}, change)
        owners = {lease["_id"]: lease["owner"] for lease in self._collection.find(wanted)}
        missing = [tenant for tenant in tenants if tenant not in owners]
        if missing:
            new = [UpdateOne({"_id": tenant, "owner": self._owner}, change, upsert=True) for tenant in missing]
            with suppress(BulkWriteError):  # another publisher has made some of them at the same moment
                self._collection.bulk_write(new, ordered=False)
            owners = {lease["_id"]: lease["owner"] for lease in self._collection.find(wanted)}
        return {tenant for tenant, owner in owners.items() if owner == self._owner}

    def renew(self, tenants: set[str]) -> set[str]:
        """Extend the leases and return the tenants that are still ours."""
        asked = time.monotonic()
        mine = {"_id": {"$in": list(tenants)}, "owner": self._owner}
        self._collection.update_many(mine, [{"$set": {"until": _UNTIL}}])
        kept = {lease["_id"] for lease in self._collection.find(mine, projection=["_id"])}
        self.safe_until = asked + LEASE_SECONDS
        return kept

    def release(self) -> None:
        """Give every lease back, so that another publisher can go on at once."""
        self._collection.delete_many({"owner": self._owner})
