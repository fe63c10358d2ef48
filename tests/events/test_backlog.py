"""A long outage: the backlog drains much faster than it grew, and the publisher's memory stays what it was."""

from __future__ import annotations

import logging
import time

import pytest

from csms.embedded.stack import Stack
from tests.acceptance.mqtt_capture import MqttCapture
from tests.acceptance.product import memory
from tests.events.conftest import MakePublisher
from tests.events.outboxes import Outboxes

EVENTS = 20_000
# Events per second of a fleet of 3,000 stations, each with a meter value every 30 s and the rest beside it.
ARRIVAL_RATE = 150
MEMORY_GROWTH = 16 * 1024 * 1024  # bytes

pytestmark = pytest.mark.slow
log = logging.getLogger(__name__)


@pytest.mark.parametrize("events_per_row", [1, 10, 200])
def test_a_backlog_drains_ten_times_faster_than_it_grew(
    outboxes: Outboxes, embedded_stack: Stack, make_publisher: MakePublisher, events_per_row: int
) -> None:
    outboxes.backlog("a", EVENTS // events_per_row, events_per_row, stations=200)
    publisher = make_publisher()
    publisher.start()
    begin = time.monotonic()
    outboxes.wait_until_published("a", 120)
    rate = EVENTS / (time.monotonic() - begin)
    log.info("%d events in rows of %d: %.0f per second", EVENTS, events_per_row, rate)
    assert rate >= 10 * ARRIVAL_RATE


def test_memory_is_flat(outboxes: Outboxes, embedded_stack: Stack, make_publisher: MakePublisher) -> None:
    publisher = make_publisher()
    publisher.start()
    sizes = []
    for _ in range(4):
        outboxes.backlog("a", 200, 50, stations=200)
        outboxes.wait_until_published("a", 60)
        sizes.append(memory(publisher.process))
    log.info("resident after each 10,000 events: %s MiB", [round(size / 2**20, 1) for size in sizes])
    assert sizes[-1] - sizes[0] < MEMORY_GROWTH


def test_a_busy_tenant_does_not_starve_a_quiet_one(
    outboxes: Outboxes, embedded_stack: Stack, make_publisher: MakePublisher
) -> None:
    outboxes.backlog("a", 400, 50, stations=50)
    outboxes.write("b", outboxes.event("b", "CP1"))
    quiet = f"{outboxes.prefix}/events/b/#"
    publisher = make_publisher()
    with MqttCapture(embedded_stack.mqtt.url, quiet) as capture:
        publisher.start()
        capture.wait_for(lambda history: len(history.messages) == 1, 5)
        left = outboxes.database("a")["outbox"].count_documents({})
    assert left > 0, "the quiet one came last"
