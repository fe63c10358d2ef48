"""Events the broker does not take, kept in the tenant's database: set aside by the publisher, sent again on demand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pymongo import ReplaceOne, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.write_concern import WriteConcern

from events.outbox import OUTBOX, outbox_row

UNDELIVERED = "undelivered_events"
_MAJORITY = WriteConcern("majority")
_CHUNK = 200
# Of the payloads in one row of the outbox, far below what MongoDB takes as one document.
_ROW_BYTES = 4_000_000

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """An event of an outbox row, and why the broker did not take it in so many tries."""

    row_id: ObjectId
    event: Document
    reason: str
    tries: int


def set_aside(database: Database[Document], refused: Sequence[Refused]) -> int:
    """Move events out of their outbox rows, in one transaction; return how many. Doing it twice does no harm."""
    now = datetime.now(UTC)
    kept = [ReplaceOne({"_id": one.event["event_id"]}, _kept(one, now), upsert=True) for one in refused]
    taken = [
        UpdateOne({"_id": one.row_id}, {"$pull": {"events": {"event_id": one.event["event_id"]}}}) for one in refused
    ]

    def move(session: ClientSession) -> None:
        database[UNDELIVERED].bulk_write(kept, session=session)
        database[OUTBOX].bulk_write(taken, session=session)

    with database.client.start_session() as session:
        session.with_transaction(move, write_concern=_MAJORITY)
    return len(refused)


def _kept(one: Refused, now: datetime) -> Document:
    event = {name: value for name, value in one.event.items() if name != "event_id"}
    return {
        "retain": False,
        **event,
        "reason": one.reason[:500],
        "tries": one.tries,
        "stored_at": one.row_id.generation_time,
        "set_aside_at": now,
    }


def send_again(database: Database[Document], event_ids: Sequence[str] | None = None) -> int:
    """Put events back into the outbox, oldest first, and return how many; None means all of them.

    They keep their ids and sequences, so a subscriber knows an older event that comes late.
    """
    query: Document = {} if event_ids is None else {"_id": {"$in": list(event_ids)}}
    return sum(_send_chunk(database, chunk) for chunk in _chunks(database, query))


def _chunks(database: Database[Document], query: Document) -> Iterator[list[str]]:
    """Yield the ids of the events that fit into a row each, as they are now."""
    chunk: list[str] = []
    size = 0
    found = database[UNDELIVERED].find(query, projection={"_id": 1, "size": {"$binarySize": "$payload"}})
    for event in found.sort([("sequence", 1), ("_id", 1)]):
        if chunk and (len(chunk) >= _CHUNK or size + event["size"] > _ROW_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(event["_id"])
        size += event["size"]
    if chunk:
        yield chunk


def _send_chunk(database: Database[Document], event_ids: list[str]) -> int:
    chosen = {"_id": {"$in": event_ids}}

    def move(session: ClientSession) -> int:
        found = database[UNDELIVERED].find(chosen, session=session).sort([("sequence", 1), ("_id", 1)])
        events = [_event(document) for document in found]
        if events:
            database[OUTBOX].insert_one(outbox_row(events), session=session)
            database[UNDELIVERED].delete_many(chosen, session=session)
        return len(events)

    with database.client.start_session() as session:
        return session.with_transaction(move, write_concern=_MAJORITY)


def _event(document: Document) -> Document:
    names = ("type", "station", "sequence", "topic", "payload", "retain")
    return {"event_id": document["_id"], **{name: document[name] for name in names}}


def stations_without_status(database: Database[Document]) -> set[str]:
    """Return the stations of which a retained status was set aside."""
    return set(database[UNDELIVERED].distinct("station", {"retain": True}))


def drop_superseded(database: Database[Document], event: Document) -> None:
    """Delete what was set aside of a station's status from before this one: the broker has a newer one on its topic.

    Sent again, it would replace that one.
    """
    older = {
        "station": event["station"],
        "retain": True,
        "topic": event["topic"],
        "sequence": {"$lt": event["sequence"]},
    }
    database[UNDELIVERED].delete_many(older)
