"""Sending one tenant's outbox: rows in, messages out, rows deleted once each message is acknowledged or set aside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bson import ObjectId
from pymongo.database import Database

from events.broker import Broker
from events.outbox import OLDEST_FIRST, OUTBOX
from events.undelivered import drop_superseded, stations_without_status

# Messages under way before the broker must acknowledge some; with the largest row on top still below the 65,535 ids
# that MQTT has.
WINDOW = 2000
_ROWS = 500
# What the first read expects of a row, which is a full batch of the group commit; later reads know better.
_FULL_ROW = 512


Row = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Sent:
    """An event that is with the broker, and where it comes from."""

    drain: OutboxDrain
    row_id: ObjectId
    event: Row

    @property
    def event_id(self) -> str:
        """Return the id by which it is known wherever it comes."""
        return str(self.event["event_id"])


@dataclass(slots=True, eq=False)
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
    # Stations whose status the broker did not take, and what it took of them since.
    _without_status: set[str] | None = None
    _superseding: list[Row] = field(default_factory=list)

    def fill(self, broker: Broker, under_way: dict[int, Sent]) -> int:
        """Hand over what is stored and not under way; return how many messages that were."""
        if self._without_status is None:
            self._without_status = stations_without_status(self.database)
        room = WINDOW - broker.unacknowledged
        rows = self._read(room) if room > 0 else []
        events = [(event, row["_id"]) for row in rows for event in row["events"]]
        if len(rows) > 1:
            events.sort(key=lambda pair: pair[0]["sequence"])
        for row in rows:
            if row["events"]:
                self._open[row["_id"]] = len(row["events"])
            else:  # all of them were set aside
                self._done.append(row["_id"])
        for event, row_id in events:
            self.send(Sent(self, row_id, event), broker, under_way)
        return len(events)

    @staticmethod
    def send(sent: Sent, broker: Broker, under_way: dict[int, Sent]) -> None:
        """Hand one event over."""
        event = sent.event
        ticket = broker.publish(event["topic"], event["payload"], retain=event.get("retain", False))
        under_way[ticket] = sent

    def _read(self, room: int) -> list[Row]:
        """Return the oldest rows that are not under way: as many as have room, but at least one if there is any."""
        busy = [*self._open, *self._done]
        limit = max(1, min(_ROWS, room // self._largest))
        rows = list(self.database[OUTBOX].find({"_id": {"$nin": busy}}).sort(OLDEST_FIRST).limit(limit))
        self._largest = max((len(row["events"]) or 1 for row in rows), default=self._largest)
        taken = _fitting(rows, room)
        self.drained = len(taken) < limit and len(taken) == len(rows)
        return taken

    def taken(self, sent: Sent) -> None:
        """Note that the broker has taken an event."""
        if self._without_status and sent.event.get("retain") and sent.event["station"] in self._without_status:
            self._superseding.append(sent.event)
        self._settle(sent.row_id)

    def set_aside(self, sent: Sent) -> None:
        """Note that an event is no longer in its row."""
        if sent.event.get("retain") and self._without_status is not None:
            self._without_status.add(sent.event["station"])
        self._settle(sent.row_id)

    def _settle(self, row_id: ObjectId) -> None:
        left = self._open.get(row_id)
        if left is None:
            return
        if left == 1:
            del self._open[row_id]
            self._done.append(row_id)
        else:
            self._open[row_id] = left - 1

    def delete_done(self) -> None:
        """Delete the rows whose every message is settled, and what newer messages have made worthless."""
        if self._done:
            self.database[OUTBOX].delete_many({"_id": {"$in": self._done}})
            self._done.clear()
        while self._superseding:
            drop_superseded(self.database, self._superseding[-1])
            self._superseding.pop()

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
