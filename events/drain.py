"""Sending one tenant's outbox: rows in, messages out, rows deleted once every message of theirs is acknowledged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bson import ObjectId
from pymongo.database import Database

from events.broker import Broker

OUTBOX = "outbox"
# Messages under way before the broker must acknowledge some; below the 65,535 ids that MQTT has.
WINDOW = 2000
_ROWS = 50


@dataclass(slots=True)
class OutboxDrain:
    """The outbox of one tenant, as far as it is under way.

    Order: rows are read oldest first, and events that were read together are sent by their sequence, so each
    station's events leave in order, also those that two instances stored within the same moment.
    """

    database: Database[dict[str, Any]]
    _open: dict[ObjectId, int] = field(default_factory=dict)
    _done: list[ObjectId] = field(default_factory=list)
    drained: bool = False

    def fill(self, broker: Broker, owners: dict[int, tuple[OutboxDrain, ObjectId]]) -> int:
        """Send what is stored and not under way; return how many messages that were."""
        if broker.unacknowledged >= WINDOW:
            return 0
        busy = [*self._open, *self._done]
        rows = list(self.database[OUTBOX].find({"_id": {"$nin": busy}}).sort("_id", 1).limit(_ROWS))
        self.drained = len(rows) < _ROWS
        events = [(event, row["_id"]) for row in rows for event in row["events"]]
        if len(rows) > 1:
            events.sort(key=lambda pair: pair[0]["sequence"])
        for row in rows:
            self._open[row["_id"]] = len(row["events"])
        for event, row_id in events:
            mid = broker.publish(event["topic"], event["payload"], retain=event.get("retain", False))
            owners[mid] = (self, row_id)
        return len(events)

    def acknowledged(self, row_id: ObjectId) -> None:
        """Note that one more message of a row is with the broker."""
        left = self._open.get(row_id)
        if left is None:
            return
        if left == 1:
            del self._open[row_id]
            self._done.append(row_id)
        else:
            self._open[row_id] = left - 1

    def delete_done(self) -> None:
        """Delete the rows whose every message is acknowledged."""
        if self._done:
            self.database[OUTBOX].delete_many({"_id": {"$in": self._done}})
            self._done.clear()

    def forget(self) -> None:
        """Take everything unacknowledged as unsent; it is read and sent again."""
        self._open.clear()
        self.drained = False
