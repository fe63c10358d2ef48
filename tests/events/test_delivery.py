"""From outbox to subscriber while everything works: order, ids, retained status, new tenants, nudges."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import redis.asyncio

from csms.embedded.stack import Stack
from events.hints import Nudges
from tests.acceptance.mqtt_capture import History, MqttCapture
from tests.events.conftest import MakePublisher
from tests.events.outboxes import Outboxes
from tests.events.publishers import publisher_thread

AWKWARD = ["CP+1", "CP#1", "CP/1", "CP%1", "CP%2F1", "CP 1", "Säule-1"]

log = logging.getLogger(__name__)


def test_events_arrive_in_order_and_the_outbox_is_emptied(
    outboxes: Outboxes, capture: MqttCapture, embedded_stack: Stack, redis_url: str
) -> None:
    outboxes.backlog("a", rows=300, events_per_row=3)
    outboxes.backlog("b", rows=20, events_per_row=100)
    with publisher_thread(outboxes, embedded_stack.mqtt.url, redis_url):
        outboxes.wait_until_published("a")
        outboxes.wait_until_published("b")
    messages = capture.everything().messages
    assert outboxes.differences(messages) == []
    assert len(messages) == len(outboxes.written), "without trouble, nothing comes twice"


def test_rows_of_two_instances_leave_by_sequence(
    outboxes: Outboxes, capture: MqttCapture, embedded_stack: Stack, redis_url: str
) -> None:
    """A station moved to another instance, whose row was stored a moment earlier than the first one's."""
    first, second = outboxes.event("a", "CP1"), outboxes.event("a", "CP1")
    outboxes.write("a", second)
    outboxes.write("a", first)
    with publisher_thread(outboxes, embedded_stack.mqtt.url, redis_url):
        outboxes.wait_until_published("a")
    assert outboxes.differences(capture.everything().messages) == []


def test_awkward_identities_have_topics_of_their_own(
    outboxes: Outboxes, capture: MqttCapture, embedded_stack: Stack, redis_url: str
) -> None:
    outboxes.write("a", *(outboxes.event("a", name) for name in AWKWARD))
    with publisher_thread(outboxes, embedded_stack.mqtt.url, redis_url):
        outboxes.wait_until_published("a")
    heard = capture.everything().messages
    assert [one.payload["charge_point_id"] for one in heard] == AWKWARD
    assert len({one.topic for one in heard}) == len(AWKWARD)
    assert {one.topic.count("/") for one in heard} == {4}


def test_a_late_subscriber_finds_the_newest_status_and_no_old_event(
    outboxes: Outboxes, embedded_stack: Stack, redis_url: str
) -> None:
    for state in ("available", "charging", "available", "faulted"):
        outboxes.write("a", outboxes.status("a", "CP1", state), outboxes.event("a", "CP1"))
    with publisher_thread(outboxes, embedded_stack.mqtt.url, redis_url):
        outboxes.wait_until_published("a")
    with MqttCapture(embedded_stack.mqtt.url, f"{outboxes.prefix}/#") as late:
        [kept] = late.everything().messages
    assert kept.retained
    assert (kept.topic, kept.payload["status"]) == (f"{outboxes.prefix}/status/a/CP1", "faulted")


def test_without_redis_a_row_is_found_within_two_seconds(
    outboxes: Outboxes, capture: MqttCapture, embedded_stack: Stack, no_redis: str
) -> None:
    with publisher_thread(outboxes, embedded_stack.mqtt.url, f"redis://{no_redis}/0"):
        outboxes.write("a", outboxes.event("a", "CP1"))
        capture.wait_for(lambda history: len(history.messages) == 1)
        written = time.monotonic()
        outboxes.write("a", outboxes.event("a", "CP1"))
        capture.wait_for(lambda history: len(history.messages) == 2)
        took = time.monotonic() - written
    log.info("found without a nudge after %.2f s", took)
    assert took < 2.0


async def test_a_nudge_makes_it_a_matter_of_milliseconds(
    outboxes: Outboxes, capture: MqttCapture, embedded_stack: Stack, redis_url: str
) -> None:
    nudges = Nudges(redis.asyncio.Redis.from_url(redis_url), outboxes.channel)
    with publisher_thread(outboxes, embedded_stack.mqtt.url, redis_url):
        took = []
        for number in range(1, 21):
            written = time.monotonic()
            outboxes.write("a", outboxes.event("a", "CP1"))
            nudges.outbox_written("a")
            await asyncio.to_thread(capture.wait_for, _count(number))
            took.append(time.monotonic() - written)
    took.sort()
    log.info("nudged: median %.0f ms, slowest %.0f ms", took[10] * 1000, took[-1] * 1000)
    assert took[10] < 0.3


def test_a_tenant_created_while_it_runs_is_served(
    outboxes: Outboxes, capture: MqttCapture, embedded_stack: Stack, no_redis: str
) -> None:
    with publisher_thread(outboxes, embedded_stack.mqtt.url, f"redis://{no_redis}/0"):
        outboxes.write("a", outboxes.event("a", "CP1"))
        capture.wait_for(_count(1))
        outboxes.add_tenant("c")
        outboxes.write("c", outboxes.event("c", "CP1"))
        history = capture.wait_for(_count(2), deadline=5)
    assert history.messages[-1].payload["tenant_id"] == "c"


def test_a_tenant_that_is_deleted_is_let_go(
    outboxes: Outboxes, capture: MqttCapture, embedded_stack: Stack, no_redis: str
) -> None:
    with publisher_thread(outboxes, embedded_stack.mqtt.url, f"redis://{no_redis}/0"):
        outboxes.write("a", outboxes.event("a", "CP1"))
        capture.wait_for(_count(1))
        outboxes.client[outboxes.global_database]["tenants"].delete_one({"_id": "a"})
        outboxes.client.drop_database(outboxes.database("a").name)
        outboxes.write("b", outboxes.event("b", "CP1"))
        capture.wait_for(_count(2))


def test_a_stop_finishes_what_is_under_way(
    outboxes: Outboxes, capture: MqttCapture, make_publisher: MakePublisher
) -> None:
    outboxes.backlog("a", rows=4000, stations=20)
    publisher = make_publisher()
    publisher.start()
    capture.wait_for(_count(1000))
    begin = time.monotonic()
    publisher.process.ask_to_stop()
    assert publisher.process.wait_exit(10)
    log.info("stopped in %.2f s", time.monotonic() - begin)
    assert publisher.process.succeeded, publisher.process.ending
    assert outboxes.leases.count_documents({}) == 0

    left = {event["event_id"] for row in outboxes.database("a")["outbox"].find() for event in row["events"]}
    arrived = {one.event_id for one in capture.everything().messages}
    assert left.isdisjoint(arrived), "what the broker had taken was deleted before the end"
    assert left | arrived == {event["event_id"] for event in outboxes.written}


def _count(number: int) -> Callable[[History], bool]:
    def enough(history: History) -> bool:
        return len(history.messages) >= number

    return enough
