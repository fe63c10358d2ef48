"""Reading whole collections in small pieces, all of them as they were at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from bson import Timestamp
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database
from pymongo.errors import OperationFailure

from tenants.clients import Document

# MongoDB keeps the past for `minSnapshotHistoryWindowInSeconds`, 300 by default.
_GONE = frozenset({239, 246})  # SnapshotTooOld, SnapshotUnavailable
_BATCH = 1000
_ALWAYS_THERE = "django_migrations"
# What MongoDB says of an index and does not want to be told.
_NOT_GIVEN = frozenset({"v", "ns", "background"})
_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)


class SnapshotGone(Exception):
    """MongoDB does not know any more what the data was like at that moment."""


class NoDatabase(Exception):
    """There is nothing to read."""


class Snapshot:
    """A database at one moment; with `at` None and `fixed` false, each piece as it is when it is read."""

    def __init__(self, database: Database[Document], at: Timestamp | None = None, *, fixed: bool = True) -> None:
        self._database = database
        self._fixed = fixed
        self.at = at

    def take(self) -> None:
        """Fix the moment, or check that MongoDB still knows the one there is.

        Raises:
            SnapshotGone: it does not.
            NoDatabase: there is nothing to read.
        """
        found = self._find({"find": _ALWAYS_THERE, "limit": 1, "singleBatch": True})
        if not found:
            raise NoDatabase(f"there is no database {self._database.name}, or it was never migrated")

    def pieces(
        self, collection: str, after: Document | None = None, *, without: Iterable[str] = ()
    ) -> Iterator[list[RawBSONDocument]]:
        """Yield a collection's documents by their ids, in pieces of at most 16 MiB, from behind `after`'s on.

        Args:
            without: the fields that are not read.

        Raises:
            SnapshotGone: it took longer than MongoDB keeps the past.
        """
        projection = dict.fromkeys(without, 0)
        last = None if after is None else after["_id"]
        begun = after is not None
        while True:
            piece = self._piece(collection, last, begun, projection)
            if not piece:
                return
            yield piece
            begun, last = True, piece[-1]["_id"]

    def collections(self) -> list[str]:
        """Return the names of the database's own collections, as they are now."""
        own = {"type": "collection", "name": {"$not": {"$regex": r"^system\."}}}
        return sorted(self._database.list_collection_names(filter=own))

    def indexes(self, collection: str) -> list[Document]:
        """Return a collection's indexes as `createIndexes` takes them, as they are now."""
        found = [dict(index) for index in self._database[collection].list_indexes()]
        return [
            {**{name: value for name, value in index.items() if name not in _NOT_GIVEN}, "key": dict(index["key"])}
            for index in found
            if index["name"] != "_id_"
        ]

    def _piece(self, collection: str, last: Any, begun: bool, projection: dict[str, int]) -> list[RawBSONDocument]:
        by_id = {"sort": {"_id": 1}, "hint": {"_id": 1}, "singleBatch": True}
        command: Document = {"find": collection, "projection": projection, **by_id}
        # `min` goes on behind an id of any type, where a `$gt` would find only ids of the same.
        limits: Document = {"min": {"_id": last}, "limit": _BATCH + 1} if begun else {"limit": _BATCH}
        found = self._find({**command, **limits, "batchSize": limits["limit"]})
        return [document for document in found if not (begun and document["_id"] == last)]

    def _find(self, command: Document) -> list[RawBSONDocument]:
        if self._fixed:
            moment = {} if self.at is None else {"atClusterTime": self.at}
            command = {**command, "readConcern": {"level": "snapshot", **moment}}
        try:
            reply = self._database.command(command, codec_options=_RAW)
        except OperationFailure as error:
            if error.code in _GONE:
                raise SnapshotGone(str(error)) from None
            raise
        cursor = reply["cursor"]
        if self._fixed and self.at is None:
            self.at = cursor.get("atClusterTime")
        return list(cursor["firstBatch"])
