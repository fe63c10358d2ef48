"""One publisher per tenant, by a lease in MongoDB: a tenant's events leave in order however many publishers run."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

LEASE_SECONDS = 15
RENEW_SECONDS = 5
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_UNTIL = {"$add": ["$$NOW", LEASE_SECONDS * 1000]}


class Leases:
    """The leases of one publisher. Times are the database's own, so clocks need not agree."""

    def __init__(self, collection: Collection[dict[str, Any]], owner: str) -> None:
        self._collection = collection
        self._owner = owner

    def take(self, tenant: str) -> bool:
        """Return whether this publisher holds the tenant's lease now."""
        if self._take(tenant):
            return True
        with suppress(DuplicateKeyError):  # the lease is there, held by another publisher
            self._collection.insert_one({"_id": tenant, "owner": "", "until": _LONG_AGO})
            return self._take(tenant)
        return False

    def _take(self, tenant: str) -> bool:
        free = {"$or": [{"owner": self._owner}, {"$expr": {"$lt": ["$until", "$$NOW"]}}]}
        change = [{"$set": {"owner": self._owner, "until": _UNTIL}}]
        return self._collection.update_one({"_id": tenant, **free}, change).matched_count == 1

    def renew(self, tenants: set[str]) -> set[str]:
        """Extend the leases and return the tenants that are still ours."""
        mine = {"_id": {"$in": list(tenants)}, "owner": self._owner}
        self._collection.update_many(mine, [{"$set": {"until": _UNTIL}}])
        return {lease["_id"] for lease in self._collection.find(mine, projection=["_id"])}

    def release(self) -> None:
        """Give every lease back, so that another publisher can go on at once."""
        self._collection.delete_many({"owner": self._owner})
