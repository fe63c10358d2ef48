"""Publishers that die, freeze, or lose MongoDB; several at once. Every event at least once, order per station holds."""

from __future__ import annotations

import logging
import os
import signal
import time
from random import Random

import pytest

from csms.embedded.stack import Stack
from events.lease import LEASE_SECONDS, Leases
from tests.acceptance.mqtt_capture import MqttCapture
from tests.embedded.private_servers import PrivateServers
from tests.events.conftest import MakePublisher
from tests.events.log_watch import said
from tests.events.outboxes import Outboxes
from tests.events.publishers import PublisherProcess, publisher_thread
from tests.events.tap import Tap

log = logging.getLogger(__name__)


def let_leases_run_out(outboxes: Outboxes) -> None:
    """Do what fifteen seconds would do."""
    outboxes.leases.update_many({}, [{"$set": {"until": {"$subtract": ["$$NOW", 1]}}}])


def wait_for_owner(outboxes: Outboxes, publisher: PublisherProcess, tenants: set[str], deadline: float = 30.0) -> None:
    """Return once this publisher serves the tenants, by MongoDB's own notice of every change of a lease."""
    end = time.monotonic() + deadline
    with outboxes.leases.watch(max_await_time_ms=500) as changes:
        while publisher.holds(outboxes) < tenants:
            assert time.monotonic() < end, f"{publisher.name} holds only {publisher.holds(outboxes)}"
            changes.try_next()


# -- Death -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_publisher_killed_ten_times_at_any_point(
    outboxes: Outboxes, embedded_stack: Stack, make_publisher: MakePublisher
) -> None:
    random = Random(1)
    with Tap(embedded_stack.mqtt.url) as tap:
        for _ in range(10):
            outboxes.backlog("a", rows=100, events_per_row=5)
            taken = len(tap.taken())
            publisher = make_publisher(tap.url)
            publisher.start()
            tap.wait_for_taken(taken + random.randrange(1, 500))
            publisher.process.kill()
            let_leases_run_out(outboxes)
        make_publisher(tap.url).start()
        outboxes.wait_until_published("a")
        messages = tap.taken()
    assert outboxes.differences(tap.first()) == []
    log.info("%d messages for %d events, ten kills", len(messages), len(outboxes.written))


@pytest.mark.slow
def test_of_two_publishers_one_goes_on_when_the_other_is_killed(
    outboxes: Outboxes, embedded_stack: Stack, make_publisher: MakePublisher
) -> None:
    with Tap(embedded_stack.mqtt.url) as tap:
        first, second = make_publisher(tap.url), make_publisher(tap.url)
        first.start()
        wait_for_owner(outboxes, first, {"a", "b"})
        second.start()
        for slug in ("a", "b"):
            outboxes.backlog(slug, rows=300, events_per_row=5)
        tap.wait_for_taken(500)
        killed = time.monotonic()
        first.process.kill()
        wait_for_owner(outboxes, second, {"a", "b"})
        took = time.monotonic() - killed
        for slug in ("a", "b"):
            outboxes.backlog(slug, rows=100, events_per_row=5)
            outboxes.wait_until_published(slug)
        assert outboxes.differences(tap.first()) == []
    log.info("the leases moved %.1f s after the kill", took)
    assert took < LEASE_SECONDS + 3


def test_a_clean_stop_hands_over_at_once(
    outboxes: Outboxes, embedded_stack: Stack, make_publisher: MakePublisher
) -> None:
    first, second = make_publisher(), make_publisher()
    first.start()
    wait_for_owner(outboxes, first, {"a", "b"})
    second.start()
    first.process.stop()
    stopped = time.monotonic()
    wait_for_owner(outboxes, second, {"a", "b"})
    assert time.monotonic() - stopped < 3


def test_two_publishers_share_nothing_they_send(outboxes: Outboxes, embedded_stack: Stack, redis_url: str) -> None:
    for number in range(10):
        outboxes.add_tenant(f"t{number}")
        outboxes.backlog(f"t{number}", rows=50, events_per_row=4)
    with (
        Tap(embedded_stack.mqtt.url) as tap,
        publisher_thread(outboxes, tap.url, redis_url),
        publisher_thread(outboxes, tap.url, redis_url),
    ):
        for number in range(10):
            outboxes.wait_until_published(f"t{number}")
        messages = tap.taken()
    assert outboxes.differences(messages) == []
    assert len(messages) == len(outboxes.written)


# -- Frozen ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_publisher_frozen_beyond_its_lease_sends_nothing_stale(
    outboxes: Outboxes, embedded_stack: Stack, make_publisher: MakePublisher
) -> None:
    """Frozen in the middle of a backlog; another sends it all and newer statuses; the first one wakes up."""
    for number in range(3000):
        outboxes.write_later("a", outboxes.status("a", f"CP{number % 5}", "charging"), outboxes.event("a", "CP9"))
    outboxes.flush("a")
    with Tap(embedded_stack.mqtt.url) as tap:
        first = make_publisher(tap.url)
        first.start()
        tap.wait_for_taken(1500)
        os.kill(first.process.pid, signal.SIGSTOP)
        try:
            second = make_publisher(tap.url)
            second.start()
            wait_for_owner(outboxes, second, {"a", "b"})
            for number in range(5):
                outboxes.write("a", outboxes.status("a", f"CP{number}", "available"))
            outboxes.wait_until_published("a")
        finally:
            os.kill(first.process.pid, signal.SIGCONT)
        first.wait_for("lease_lost")
        first.process.stop()
        assert outboxes.differences(tap.first()) == []
    with MqttCapture(embedded_stack.mqtt.url, f"{outboxes.prefix}/status/#") as late:
        kept = {one.payload["charge_point_id"]: one.payload["status"] for one in late.everything().messages}
    assert kept == {f"CP{number}": "available" for number in range(5)}


# -- MongoDB ---------------------------------------------------------------------------------------


def test_mongodb_restarted_under_the_publisher(
    private_servers: PrivateServers, embedded_stack: Stack, redis_url: str
) -> None:
    mongod = private_servers.mongodb()
    outboxes = Outboxes(mongod.url)
    outboxes.add_tenant("a")
    with Tap(embedded_stack.mqtt.url) as tap, publisher_thread(outboxes, tap.url, redis_url):
        for _ in range(2):
            outboxes.backlog("a", rows=400, events_per_row=5)
            tap.wait_for_taken(len(tap.taken()) + 300)
            with said("events.publisher", "outbox_unavailable"):
                mongod.kill()
            mongod.start()
            outboxes.wait_until_published("a")
        assert outboxes.differences(tap.first()) == []


def test_a_row_acknowledged_while_mongodb_was_away_is_deleted_later(
    private_servers: PrivateServers, embedded_stack: Stack, redis_url: str
) -> None:
    mongod = private_servers.mongodb()
    outboxes = Outboxes(mongod.url)
    outboxes.add_tenant("a")
    with Tap(embedded_stack.mqtt.url) as tap, publisher_thread(outboxes, tap.url, redis_url):
        outboxes.backlog("a", rows=50, events_per_row=20)
        with tap.held():
            tap.wait_for_published(1000)
            with said("events.publisher", "outbox_unavailable"):
                mongod.kill()
        tap.wait_for_taken(1000)
        mongod.start()
        outboxes.wait_until_published("a")
        assert len(tap.taken()) == 1000, "they were not sent again"


def test_sigterm_ends_it_while_mongodb_is_away(private_servers: PrivateServers, make_publisher: MakePublisher) -> None:
    mongod = private_servers.mongodb()
    outboxes = Outboxes(mongod.url)
    outboxes.add_tenant("a")
    publisher = make_publisher(served=outboxes)
    publisher.start()
    wait_for_owner(outboxes, publisher, {"a"})
    mongod.kill()
    publisher.wait_for("outbox_unavailable")
    asked = time.monotonic()
    publisher.process.ask_to_stop()
    assert publisher.process.wait_exit(15)
    assert publisher.process.succeeded, publisher.process.with_log(publisher.process.ending)
    log.info("ended %.1f s after SIGTERM, without MongoDB", time.monotonic() - asked)


def test_it_may_be_started_before_mongodb(
    private_servers: PrivateServers, embedded_stack: Stack, make_publisher: MakePublisher
) -> None:
    mongod = private_servers.mongodb()
    outboxes = Outboxes(mongod.url)
    outboxes.add_tenant("a")
    outboxes.backlog("a", rows=3)
    mongod.stop()
    publisher = make_publisher(served=outboxes)
    publisher.start()
    publisher.wait_for("outbox_unavailable")
    mongod.start()
    outboxes.wait_until_published("a")


# -- Leases ----------------------------------------------------------------------------------------


def test_a_lease_has_one_owner_until_it_runs_out(outboxes: Outboxes) -> None:
    first, second = Leases(outboxes.leases, "first"), Leases(outboxes.leases, "second")
    assert first.take_free({"a", "b"}) == {"a", "b"}
    assert second.take_free({"a", "b", "c"}) == {"c"}
    assert first.renew({"a", "b"}) == {"a", "b"}
    let_leases_run_out(outboxes)
    assert second.take_free({"a"}) == {"a"}
    assert first.renew({"a", "b"}) == {"b"}
    first.release()
    assert second.take_free({"b"}) == {"b"}


def test_a_lease_that_ran_out_unnoticed_is_still_ours_if_nobody_took_it(outboxes: Outboxes) -> None:
    leases = Leases(outboxes.leases, "first")
    leases.take_free({"a"})
    let_leases_run_out(outboxes)
    assert leases.renew({"a"}) == {"a"}


def test_the_time_that_is_safe_begins_before_the_renewal(outboxes: Outboxes) -> None:
    leases = Leases(outboxes.leases, "first")
    leases.take_free({"a"})
    before = time.monotonic()
    assert leases.safe_until < before
    leases.renew({"a"})
    assert before + LEASE_SECONDS <= leases.safe_until <= time.monotonic() + LEASE_SECONDS


def test_a_tenant_whose_outbox_is_broken_harms_no_other(
    outboxes: Outboxes, embedded_stack: Stack, capture: MqttCapture, redis_url: str
) -> None:
    database = outboxes.database("a")
    database["outbox"].drop()
    database["things"].insert_one({})
    broken = [{"$project": {"events": {"$divide": [1, 0]}}}]
    database.command({"create": "outbox", "viewOn": "things", "pipeline": broken})
    outboxes.backlog("b", rows=50)
    with said("events.publisher", "outbox_broken"), publisher_thread(outboxes, embedded_stack.mqtt.url, redis_url):
        outboxes.wait_until_published("b")
        outboxes.write("b", outboxes.event("b", "CP9"))
        outboxes.wait_until_published("b", deadline=10)
    assert outboxes.differences(capture.everything().messages) == []
