"""What the publisher tells of itself: while the broker is away, when it is back, and when it refuses."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from csms.embedded.mqtt import Mosquitto
from csms.embedded.ports import LOOPBACK, any_free
from events.undelivered import UNDELIVERED
from tests.events.conftest import MakePublisher
from tests.events.outboxes import Outboxes
from tests.events.strict_brokers import strict
from tests.web.test_headers import manage

DEADLINE = 30.0
TOKEN = secrets.token_hex(16)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> str:
    """Where publishers that are started from now on show their metrics."""
    port = any_free()
    monkeypatch.setenv("PUBLISHER_METRICS_PORT", str(port))
    monkeypatch.setenv("METRICS_TOKEN", TOKEN)
    return f"http://{LOOPBACK}:{port}/metrics"


def metrics(page: str) -> dict[str, float]:
    answer = httpx.get(page, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.text)
    return {sample.name: sample.value for family in families for sample in family.samples}


def until(page: str, **wanted: float) -> dict[str, float]:
    """Return the metrics as soon as they have these values."""
    end = time.monotonic() + DEADLINE
    while not wanted.items() <= (found := metrics(page)).items():
        assert time.monotonic() < end, f"{found} is not {wanted}"
    return found


def test_while_the_broker_is_away_and_when_it_is_back(
    outboxes: Outboxes, tmp_path: Path, page: str, make_publisher: MakePublisher
) -> None:
    broker = Mosquitto(tmp_path / "broker", any_free())
    outboxes.write("a", outboxes.event("a", "CP1"), outboxes.event("a", "CP2"))
    outboxes.write("a", outboxes.event("a", "CP1"))
    make_publisher(broker.url).start()
    found = until(page, csms_outbox_rows=2, csms_publisher_connected=0, csms_outbox_unread=0)
    assert found["csms_outbox_oldest_seconds"] > 0
    assert found["csms_publisher_outboxes"] == 3, "a, b and the platform's own"
    assert found["csms_events_published_total"] == 0
    broker.start()
    try:
        outboxes.wait_until_published("a")
        found = until(page, csms_events_published_total=3, csms_publisher_connected=1, csms_outbox_rows=0)
        assert found["csms_outbox_oldest_seconds"] == 0
        assert found["process_resident_memory_bytes"] > 0
    finally:
        broker.stop()


def test_what_the_broker_refuses(outboxes: Outboxes, tmp_path: Path, page: str, make_publisher: MakePublisher) -> None:
    access = f"topic read #\ntopic write {outboxes.prefix}/events/a/#\n"
    outboxes.write("a", outboxes.event("a", "CP1"))
    outboxes.write("b", outboxes.event("b", "CP1"))
    with strict(tmp_path, access=access) as broker:
        make_publisher(broker.url).start()
        until(
            page,
            csms_undelivered_events=1,
            csms_events_set_aside_total=1,
            csms_events_refused_total=3,
            csms_events_published_total=1,
        )
    assert outboxes.database("b")[UNDELIVERED].count_documents({}) == 1


def test_an_outbox_that_cannot_be_read_is_said_to_be_unread(
    outboxes: Outboxes, page: str, make_publisher: MakePublisher
) -> None:
    pipeline = [{"$match": {"$expr": {"$divide": [1, 0]}}}]
    outboxes.database("a").command("create", UNDELIVERED, viewOn="outbox", pipeline=pipeline)
    outboxes.write("a", outboxes.event("a", "CP1"))
    make_publisher(f"tcp://{LOOPBACK}:{any_free()}").start()
    until(page, csms_outbox_unread=1, csms_publisher_outboxes=3)


def test_they_are_for_who_has_the_token(page: str, make_publisher: MakePublisher) -> None:
    make_publisher().start()
    refused = httpx.get(page, headers={"Authorization": "Bearer wrong"}, timeout=30)
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Bearer realm="metrics"')
    assert "csms_" not in refused.text
    assert httpx.get(page.replace("/metrics", "/"), timeout=30).status_code == 404


def test_a_port_without_a_token_is_refused() -> None:
    started = manage("publish_events", PUBLISHER_METRICS_PORT="9108", METRICS_TOKEN="")
    assert started.returncode != 0
    assert "METRICS_TOKEN is not" in started.stderr
