"""Events the broker does not take are set aside, and hold up neither their own station nor anybody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from csms.embedded.mqtt import Mosquitto
from events.undelivered import UNDELIVERED, send_again
from tests.acceptance.mqtt_capture import History, MqttCapture
from tests.events.log_watch import said
from tests.events.outboxes import Outboxes
from tests.events.publishers import publisher_thread
from tests.events.strict_brokers import OldBroker, strict

LIMIT = 4000
BIG = {"info": "x" * 2 * LIMIT}
Document = dict[str, Any]


def undelivered(outboxes: Outboxes, tenant: str) -> list[Document]:
    """Return what was set aside of a tenant, oldest first."""
    return list(outboxes.database(tenant)[UNDELIVERED].find().sort("sequence"))


def sequences(history: History, tenant: str, station: str) -> list[int]:
    """Return the order in which a station's events came first."""
    return [heard.payload["sequence"] for heard in history.of_station(station) if heard.payload["tenant_id"] == tenant]


@contextmanager
def published(outboxes: Outboxes, broker: Mosquitto, redis_url: str, url: str = "") -> Iterator[MqttCapture]:
    """Publish both tenants' outboxes, and give what came of them."""
    with (
        MqttCapture(broker.url, f"{outboxes.prefix}/#") as capture,
        publisher_thread(outboxes, url or broker.url, redis_url),
    ):
        outboxes.wait_until_published("a")
        outboxes.wait_until_published("b")
        yield capture


def write_around(outboxes: Outboxes, event: Document) -> None:
    """Store an event between others of its station, of another station and of another tenant."""
    outboxes.write("a", *(outboxes.event("a", "CP2") for _ in range(5)), event, outboxes.event("a", "CP1"))
    for _ in range(50):
        outboxes.write("a", outboxes.event("a", "CP1"), outboxes.event("a", "CP2"))
        outboxes.write("b", outboxes.event("b", "CP1"))


def assert_only_missing(outboxes: Outboxes, history: History, event: Document) -> None:
    """Check that everything but this event came, in order."""
    assert outboxes.differences(history.first()) == [f"missing: {event['event_id']}"]


LIMITS = {
    "it says how much it takes": f"max_packet_size {LIMIT}",
    "it takes less than it says": f"message_size_limit {LIMIT}",
}


@pytest.mark.parametrize("limit", LIMITS)
def test_an_event_too_large_for_the_broker(outboxes: Outboxes, tmp_path: Path, redis_url: str, limit: str) -> None:
    big = outboxes.event("a", "CP1", BIG)
    write_around(outboxes, big)
    with strict(tmp_path, LIMITS[limit]) as broker, published(outboxes, broker, redis_url) as capture:
        assert_only_missing(outboxes, capture.everything(), big)
    [kept] = undelivered(outboxes, "a")
    assert (kept["_id"], kept["payload"], kept["topic"]) == (big["event_id"], big["payload"], big["topic"])
    assert kept["tries"] == 3
    assert kept["reason"]
    assert undelivered(outboxes, "b") == []


@pytest.mark.parametrize(
    "refuses", [pytest.param(True, id="says so"), pytest.param(False, id="hangs up", marks=pytest.mark.slow)]
)
def test_a_broker_that_cuts_the_connection_of_an_old_version(
    outboxes: Outboxes, tmp_path: Path, redis_url: str, refuses: bool
) -> None:
    big = outboxes.event("a", "CP1", BIG)
    write_around(outboxes, big)
    with (
        strict(tmp_path, f"max_packet_size {LIMIT}") as broker,
        OldBroker(broker.url, refuses=refuses) as old,
        published(outboxes, broker, redis_url, old.url) as capture,
    ):
        assert_only_missing(outboxes, capture.everything(), big)
    [kept] = undelivered(outboxes, "a")
    assert kept["_id"] == big["event_id"]
    assert "cut off" in kept["reason"]


def test_a_topic_the_broker_denies(outboxes: Outboxes, tmp_path: Path, redis_url: str) -> None:
    """Tenant `b` may not be written to: all its events are set aside, tenant `a` notices nothing."""
    access = f"topic read #\ntopic write acceptance/#\ntopic write {outboxes.prefix}/events/a/#\n"
    for _ in range(20):
        outboxes.write("b", outboxes.event("b", "CP1"), outboxes.event("b", "CP2"))
        outboxes.write("a", outboxes.event("a", "CP1"))
    with strict(tmp_path, access=access) as broker:
        with said("events.publisher", "events_set_aside"), published(outboxes, broker, redis_url) as capture:
            history = capture.everything()
        assert sequences(history, "a", "CP1") == list(range(1, 21))
        assert sequences(history, "b", "CP1") == []
        kept = undelivered(outboxes, "b")
        assert len(kept) == 40
        assert {one["reason"] for one in kept} == {"Not authorized"}

        broker.allow(f"topic readwrite acceptance/#\ntopic readwrite {outboxes.prefix}/#\n")
        assert send_again(outboxes.database("b")) == 40
        with published(outboxes, broker, redis_url) as capture:
            history = capture.everything()
    assert sequences(history, "b", "CP1") == list(range(1, 21))
    assert undelivered(outboxes, "b") == []


def test_one_that_is_taken_at_the_second_try_is_not_set_aside(
    outboxes: Outboxes, tmp_path: Path, redis_url: str
) -> None:
    with (
        strict(tmp_path, access="topic read #\n") as broker,
        MqttCapture(broker.url, f"{outboxes.prefix}/#") as capture,
        publisher_thread(outboxes, broker.url, redis_url),
    ):
        with said("events.refusals", "event_refused"):
            outboxes.write("a", outboxes.event("a", "CP1"))
        broker.allow(f"topic readwrite {outboxes.prefix}/#\n")
        outboxes.wait_until_published("a")
        capture.wait_for(lambda history: len(history.messages) == 1)
    assert undelivered(outboxes, "a") == []


def test_a_newer_status_makes_the_one_that_was_set_aside_worthless(
    outboxes: Outboxes, tmp_path: Path, redis_url: str
) -> None:
    """Sent again, it would replace the newer one at the broker."""
    outboxes.write("a", outboxes.status("a", "CP1", "x" * 2 * LIMIT), outboxes.status("a", "CP2", "x" * 2 * LIMIT))
    with strict(tmp_path, f"max_packet_size {LIMIT}") as broker, published(outboxes, broker, redis_url) as capture:
        assert len(undelivered(outboxes, "a")) == 2
        outboxes.write("a", outboxes.status("a", "CP1", "available"))
        capture.wait_for(lambda history: len(history.messages) == 1)
        outboxes.wait_until_published("a")
    assert [one["station"] for one in undelivered(outboxes, "a")] == ["CP2"]


def test_what_is_sent_again_fits_into_rows(outboxes: Outboxes) -> None:
    """Twenty events of a megabyte would be more than MongoDB takes as one document."""
    database = outboxes.database("a")
    events = [outboxes.event("a", "CP1", {"info": "x" * 1_000_000}) for _ in range(20)]
    database[UNDELIVERED].insert_many(
        {"_id": event["event_id"], "retain": False, **{name: event[name] for name in event if name != "event_id"}}
        for event in events
    )
    assert send_again(database, [events[3]["event_id"]]) == 1
    assert send_again(database) == 19
    stored = [event["event_id"] for row in database["outbox"].find().sort("_id") for event in row["events"]]
    assert stored == [events[3]["event_id"], *(event["event_id"] for event in events if event is not events[3])]
    assert send_again(database) == 0
