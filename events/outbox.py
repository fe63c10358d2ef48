"""From fact to outbox: the event is encoded once, stored with the state it tells of, and sent later from there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from bson import ObjectId, Timestamp

from events.facts import FACT_KINDS, Fact, OpenUnit
from events.topics import event_topic, status_topic

OUTBOX = "outbox"
SCHEMA_VERSION = 1
# An empty timestamp is replaced by MongoDB at the insert with the next one of the replica set, which rises from row to
# row, also over an election (https://www.mongodb.com/docs/manual/reference/bson-types/#timestamps).
_FILLED_IN = Timestamp(0, 0)
OLDEST_FIRST = [("order", 1), ("_id", 1)]
_JSON = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


def _milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def event_of(fact: Fact) -> dict[str, Any]:
    """Return the outbox entry of a fact: topic, encoded payload, and what orders and identifies it."""
    event_id = os.urandom(16).hex()
    kind = fact.kind
    payload = {
        "event_id": event_id,
        "schema": SCHEMA_VERSION,
        "event_type": kind.event_type,
        "timestamp": _milliseconds(fact.timestamp),
        "sequence": fact.sequence,
        "session_id": fact.session_id,
        "charge_point_id": fact.station,
        "tenant_id": fact.tenant,
        "data": fact.data,
    }
    return {
        "event_id": event_id,
        "type": kind.event_type,
        "station": fact.station,
        "sequence": fact.sequence,
        "topic": event_topic(fact.topic_prefix, fact.tenant, fact.station, kind.topic),
        "payload": orjson.dumps(payload, option=_JSON),
    }


def status_event(
    *, tenant: str, topic_prefix: str, station: str, sequence: int, timestamp: datetime, state: dict[str, Any]
) -> dict[str, Any]:
    """Return the outbox entry of a station's retained status; the newest one replaces the one before."""
    event_id = os.urandom(16).hex()
    payload = {
        "event_id": event_id,
        "schema": SCHEMA_VERSION,
        "event_type": "charge_point.status",
        "timestamp": _milliseconds(timestamp),
        "sequence": sequence,
        "charge_point_id": station,
        "tenant_id": tenant,
        **state,
    }
    return {
        "event_id": event_id,
        "type": "charge_point.status",
        "station": station,
        "sequence": sequence,
        "topic": status_topic(topic_prefix, tenant, station),
        "payload": orjson.dumps(payload, option=_JSON),
        "retain": True,
    }


def forgotten_status_event(*, topic_prefix: str, tenant: str, station: str, sequence: int) -> dict[str, Any]:
    """Return the outbox entry that makes the broker forget the retained status of a station that was deleted.

    An empty retained message is how MQTT does that; subscribers get it as an empty payload.
    """
    return {
        "event_id": os.urandom(16).hex(),
        "type": "charge_point.forgotten",
        "station": station,
        "sequence": sequence,
        "topic": status_topic(topic_prefix, tenant, station),
        "payload": b"",
        "retain": True,
    }


def outbox_row(events: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the outbox document of events that are committed together.

    Rows are sent by `order`, which MongoDB fills in: the clocks of instances differ, and so the `_id`s that two of
    them make do not tell which row was stored first.
    """
    return {"_id": ObjectId(), "created_at": datetime.now(UTC), "order": _FILLED_IN, "events": list(events)}


def receive(sender: object, fact: Fact, unit: OpenUnit, **_: object) -> None:
    """Add the fact to the outbox row of its unit of work; receiver of every domain signal."""
    unit.add_event(event_of(fact))


receive.must_succeed = True  # type: ignore[attr-defined]


def connect() -> None:
    """Make the outbox a receiver of every domain signal."""
    for kind in FACT_KINDS:
        kind.signal.connect(receive, dispatch_uid="events.outbox")
