"""`/metrics` of the publisher process, on `PUBLISHER_METRICS_PORT`: what it sends, and what waits to be sent.

A thread of its own answers one request at a time; what waits is read from MongoDB at that moment, so that it is true
also while the publisher cannot reach the broker.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, GC_COLLECTOR, PROCESS_COLLECTOR, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector
from pymongo.database import Database
from pymongo.errors import OperationFailure, PyMongoError

from csms.metrics_token import CHALLENGE, PATH, REFUSAL, may_see
from csms.version import VERSION
from events.outbox import OLDEST_FIRST, OUTBOX
from events.publisher import Publisher
from events.undelivered import UNDELIVERED

# Prometheus waits for ten seconds if nothing else is said.
SECONDS = 5.0
# Nobody needs to know it more exactly, and counting takes its time.
MOST_ROWS, MOST_UNDELIVERED = 10_000, 1000


@dataclass(slots=True)
class Backlog:
    """What waits in the outboxes of one publisher.

    Attributes:
        oldest: seconds since the oldest event was stored.
        unread: outboxes of which nothing is known: MongoDB refuses them, is away, or there was no time left.
    """

    rows: int = 0
    oldest: float = 0.0
    undelivered: int = 0
    unread: int = 0


def backlog(databases: list[Database[Any]], now: datetime, seconds: float = SECONDS) -> Backlog:
    """Return what waits, as far as it can be read within these seconds."""
    found, end = Backlog(), time.monotonic() + seconds
    for place, database in enumerate(databases):
        if time.monotonic() > end:
            found.unread += len(databases) - place
            break
        try:
            _add(found, database, now)
        except OperationFailure:  # of this tenant alone
            found.unread += 1
        except PyMongoError:
            found.unread += len(databases) - place
            break
    return found


def _add(found: Backlog, database: Database[Any], now: datetime) -> None:
    found.undelivered += database[UNDELIVERED].count_documents({}, limit=MOST_UNDELIVERED)
    oldest = database[OUTBOX].find_one({}, projection=["created_at"], sort=OLDEST_FIRST)
    if oldest is not None:
        found.rows += database[OUTBOX].count_documents({}, limit=MOST_ROWS)
        age = (now - oldest["created_at"].replace(tzinfo=UTC)).total_seconds()
        found.oldest = max(found.oldest, age)


class PublisherMetrics(Collector):
    """Turns what a publisher knows into metrics at the moment somebody asks for them."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def collect(self) -> Iterable[Metric]:
        """Yield every metric of the publisher."""
        here = self._publisher
        databases = here.databases()
        waiting = backlog(databases, datetime.now(UTC))
        yield InfoMetricFamily("csms", "The product.", {"version": VERSION})
        for name, text, value in (
            ("csms_publisher_connected", "Whether there is a session with the broker.", here.connected),
            ("csms_publisher_outboxes", "Outboxes this publisher serves.", len(databases)),
            ("csms_outbox_unread", "Those of them of which nothing is known now.", waiting.unread),
            ("csms_outbox_rows", "Batches of events that wait for the broker.", waiting.rows),
            ("csms_outbox_oldest_seconds", "Age of the oldest event that waits.", waiting.oldest),
            ("csms_undelivered_events", "Events that the broker has refused, set aside.", waiting.undelivered),
        ):
            yield GaugeMetricFamily(name, text, value)
        for name, text, value in (
            ("csms_events_published", "Events that the broker has acknowledged.", here.published),
            ("csms_events_refused", "Refusals of the broker; an event is offered three times.", here.refused),
            ("csms_events_set_aside", "Events set aside after the third refusal.", here.set_aside),
        ):
            yield CounterMetricFamily(name, text, value)


class _Page(BaseHTTPRequestHandler):
    registry: CollectorRegistry
    timeout = SECONDS  # for a request to arrive

    def do_GET(self) -> None:
        if self.path != PATH:
            self._answer(404, b"metrics are at /metrics\n")
        elif not may_see(self.headers.get("Authorization", "").encode()):
            self._answer(401, REFUSAL)
        else:
            self._answer(200, generate_latest(self.registry), CONTENT_TYPE_LATEST)

    def _answer(self, status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
        if status == 401:
            headers["WWW-Authenticate"] = CHALLENGE
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  named by http.server
        """Say nothing: whoever scrapes does so all the time."""


def serve_metrics(publisher: Publisher, host: str, port: int) -> None:
    """Answer `/metrics` in a thread, for as long as the process lives.

    Raises:
        OSError: the port is taken.
    """
    registry = CollectorRegistry()
    for collector in (PublisherMetrics(publisher), PROCESS_COLLECTOR, GC_COLLECTOR):
        registry.register(collector)
    server = HTTPServer((host, port), type("Page", (_Page,), {"registry": registry}))
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
