"""Sending one tenant's outbox: rows in, messages out, rows deleted once every message of theirs is acknowledged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bson import ObjectId
from pymongo.database import Database

from events.broker import Broker

OUTBOX = "outbox"
# Messages under way before the broker must acknowledge some; with the largest row on top still below the 65,535 ids
# that MQTT has.
WINDOW = 2000
_ROWS = 500
# What the first read expects of a row, which is a full batch of the group commit; later reads know better.
_FULL_ROW = 512


Row = dict[str, Any]


@dataclass(slots=True)
class OutboxDrain:
    """The outbox of one tenant, as far as it is under way.

    Order: rows are read oldest first, and events that were read together are sent by their sequence, so each
    station's events leave in order, also those that two instances stored within the same moment.
    """

    database: Database[Row]
    _open: dict[ObjectId, int] = field(default_factory=dict)
    _done: list[ObjectId] = field(default_factory=list)
    _largest: int = _FULL_ROW
    drained: bool = False

    def fill(self, broker: Broker, owners: dict[int, tuple[OutboxDrain, ObjectId]]) -> int:
        """Send what is stored and not under way; return how many messages that were."""
        room = WINDOW - broker.unacknowledged
        rows = self._read(room) if room > 0 else []
        events = [(event, row["_id"]) for row in rows for event in row["events"]]
        if len(rows) > 1:
            events.sort(key=lambda pair: pair[0]["sequence"])
        for row in rows:
            self._open[row["_id"]] = len(row["events"])
        for event, row_id in events:
            mid = broker.publish(event["topic"], event["payload"], retain=event.get("retain", False))
            owners[mid] = (self, row_id)
        return len(events)

    def _read(self, room: int) -> list[Row]:
        """Return the oldest rows that are not under way: as many as have room, but at least one if there is any."""
        busy = [*self._open, *self._done]
        limit = max(1, min(_ROWS, room // self._largest))
        rows = list(self.database[OUTBOX].find({"_id": {"$nin": busy}}).sort("_id", 1).limit(limit))
        self._largest = max((len(row["events"]) for row in rows), default=self._largest)
        taken = _fitting(rows, room)
        self.drained = len(taken) < limit and len(taken) == len(rows)
        return taken

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


def _fitting(rows: list[Row], room: int) -> list[Row]:
    taken: list[Row] = []
    for row in rows:
        room -= len(row["events"])
        if taken and room < 0:
            break
        taken.append(row)
    return taken
