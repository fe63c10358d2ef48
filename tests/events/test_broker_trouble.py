"""A broker that is away, dies, or accepts everything and says nothing: nothing is lost, order per station holds."""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path

import pytest

from csms.embedded.mqtt import Amqtt
from csms.embedded.ports import any_free
from tests.acceptance.mqtt_capture import MqttCapture
from tests.embedded.private_servers import PrivateServers
from tests.events.log_watch import said
from tests.events.outboxes import Outboxes
from tests.events.peers import CONNACK_ACCEPTED, SilentPeer
from tests.events.publishers import publisher_thread
from tests.events.tap import Tap

log = logging.getLogger(__name__)


def test_a_broker_that_comes_last(outboxes: Outboxes, private_servers: PrivateServers, redis_url: str) -> None:
    broker = private_servers.mqtt()
    with MqttCapture(broker.url, f"{outboxes.prefix}/#") as capture:
        broker.stop()
        outboxes.backlog("a", rows=50, events_per_row=4)
        with publisher_thread(outboxes, broker.url, redis_url) as client:
            assert not client.connected
            broker.start()
            capture.wait_subscribed()
            outboxes.wait_until_published("a")
        assert outboxes.differences(capture.everything().first()) == []


def test_a_broker_that_speaks_only_the_older_version(outboxes: Outboxes, tmp_path: Path, redis_url: str) -> None:
    """amqtt, as `make run` starts it on a machine without mosquitto."""
    broker = Amqtt(tmp_path / "amqtt", any_free())
    broker.start()
    try:
        with MqttCapture(broker.url, f"{outboxes.prefix}/#") as capture:
            outboxes.backlog("a", rows=20, events_per_row=5)
            with publisher_thread(outboxes, broker.url, redis_url):
                outboxes.wait_until_published("a")
            assert outboxes.differences(capture.everything().first()) == []
    finally:
        broker.stop()


def test_a_broker_that_goes_and_comes_back(outboxes: Outboxes, private_servers: PrivateServers, redis_url: str) -> None:
    broker = private_servers.mqtt()
    with MqttCapture(broker.url, f"{outboxes.prefix}/#") as capture, publisher_thread(outboxes, broker.url, redis_url):
        for _ in range(3):
            outboxes.backlog("a", rows=500, events_per_row=2)
            broker.stop()
            outboxes.backlog("a", rows=20)
            broker.start()
            capture.wait_subscribed()
        outboxes.wait_until_published("a")
        history = capture.everything()
    assert outboxes.differences(history.first()) == []
    again = len(history.messages) - len(history.first())
    log.info("%d of %d messages came again, each under its old id", again, len(history.messages))


def test_a_broker_killed_in_the_middle_of_5000_events(
    outboxes: Outboxes, private_servers: PrivateServers, redis_url: str
) -> None:
    broker = private_servers.mqtt()
    outboxes.backlog("a", rows=500, events_per_row=10, stations=25)
    with Tap(broker.url) as tap, publisher_thread(outboxes, tap.url, redis_url):
        for taken in (1000, 2500, 4000):
            tap.wait_for_taken(taken)
            broker.kill()
            broker.start()
        outboxes.wait_until_published("a")
        messages = tap.taken()
    assert outboxes.differences(tap.first()) == []
    log.info("%d messages for 5000 events, three kills", len(messages))


def test_a_peer_that_never_acknowledges_is_given_up(outboxes: Outboxes, redis_url: str) -> None:
    outboxes.backlog("a", rows=30)
    with (
        SilentPeer(CONNACK_ACCEPTED) as peer,
        publisher_thread(outboxes, peer.url, redis_url, patience=0.5),
    ):
        peer.wait_for(accepted=3, ended=2, received=3000)
        assert outboxes.database("a")["outbox"].count_documents({}) == 30


def test_a_peer_that_does_not_even_greet_is_given_up(outboxes: Outboxes, redis_url: str) -> None:
    with SilentPeer() as peer, publisher_thread(outboxes, peer.url, redis_url, patience=0.5):
        peer.wait_for(accepted=3, ended=2)


def test_an_idle_connection_that_has_died_is_noticed(outboxes: Outboxes, redis_url: str) -> None:
    """A half-open connection: nothing to send, and nobody answers the pings."""
    with SilentPeer(CONNACK_ACCEPTED) as peer, publisher_thread(outboxes, peer.url, redis_url, keepalive=1):
        peer.wait_for(accepted=2, ended=1)


def test_a_frozen_broker_delays_and_loses_nothing(
    outboxes: Outboxes, private_servers: PrivateServers, redis_url: str
) -> None:
    broker = private_servers.mqtt()
    with (
        MqttCapture(broker.url, f"{outboxes.prefix}/#") as capture,
        publisher_thread(outboxes, broker.url, redis_url, patience=1.0),
    ):
        outboxes.write("a", outboxes.event("a", "CP1"))
        capture.wait_for(lambda history: len(history.messages) == 1)
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            with said("events.broker", "mqtt_disconnected"):
                outboxes.backlog("a", rows=100)
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        outboxes.wait_until_published("a")
        capture.wait_subscribed()
        assert outboxes.differences(capture.everything().first()) == []


def test_a_broker_that_refuses_the_password_is_named_once(
    outboxes: Outboxes, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    not_authorized = b"\x20\x03\x00\x87\x00"
    with SilentPeer(not_authorized) as peer, publisher_thread(outboxes, peer.url, redis_url):
        peer.wait_for(accepted=4)
    told = [record.getMessage() for record in caplog.records if "mqtt_disconnected" in record.getMessage()]
    assert len(told) == 1
    assert "Not authorized" in told[0]


def test_a_port_where_nobody_listens_is_tried_again(outboxes: Outboxes, redis_url: str) -> None:
    with publisher_thread(outboxes, f"tcp://127.0.0.1:{any_free()}", redis_url) as client:
        assert not client.connected
