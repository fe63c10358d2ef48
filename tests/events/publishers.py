"""Publishers under test: in a thread of this process, or as the process an operator runs."""

from __future__ import annotations

import json
import os
import secrets
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from csms.embedded.process import Process
from csms.embedded.program import ROOT
from events.broker import Broker
from events.broker_address import BrokerAddress
from events.hints import NudgeListener
from events.lease import Leases
from events.publisher import Publisher
from tests.events.outboxes import Outboxes

_STOP_SECONDS = 30.0


@contextmanager
def publisher_thread(
    outboxes: Outboxes, broker_url: str, redis_url: str, *, patience: float = 30.0, keepalive: int = 30
) -> Iterator[Broker]:
    """Run a publisher inside the block, with time limits of one's own."""
    name = f"thread-{secrets.token_hex(4)}"
    broker = Broker(BrokerAddress.parse(broker_url), name, patience=patience, keepalive=keepalive)
    nudges = NudgeListener(redis.Redis.from_url(redis_url, socket_timeout=2), outboxes.channel)
    publisher = Publisher(broker, Leases(outboxes.leases, name), nudges, outboxes.databases)
    nudges.start()
    ended: Future[None] = Future()

    def run() -> None:
        try:
            publisher.run()
        except BaseException as error:  # whatever ended it ends the test
            ended.set_exception(error)
            raise
        ended.set_result(None)

    thread = threading.Thread(target=run, name=name)
    thread.start()
    try:
        yield broker
    finally:
        publisher.stop()
        thread.join(_STOP_SECONDS)
        nudges.stop()
        ended.result(timeout=0)


class PublisherProcess:
    """`manage.py publish_events`, to be started, stopped, frozen and killed."""

    def __init__(self, outboxes: Outboxes, broker_url: str, redis_address: str, directory: Path) -> None:
        self.name = f"publisher-{secrets.token_hex(4)}"
        settings = {
            **outboxes.settings,
            "MQTT_BROKER_URL": broker_url,
            "REDIS_ADDR": redis_address,
            "CSMS_INSTANCE_ID": self.name,
            "LOG_FORMAT": "json",
        }
        command = [sys.executable, str(ROOT / "manage.py"), "publish_events"]
        log = directory / f"{self.name}.log"
        self.process = Process(self.name, command, log, environment={**os.environ, **settings}, directory=ROOT)

    def start(self) -> None:
        """Start it and return when it looks for events."""
        self.process.start()
        self.wait_for("publisher_started")

    def wait_for(self, event: str, deadline: float = 60.0) -> dict[str, Any]:
        """Return the first log line of this start that tells of the event."""
        found: Future[dict[str, Any]] = Future()

        def read() -> None:
            for line in self.process.lines():
                entry = _entry(line)
                if entry.get("event") == event:
                    found.set_result(entry)
                    return
            found.set_exception(AssertionError(self.process.with_log(f"it ended without {event}")))

        threading.Thread(target=read, daemon=True).start()
        return found.result(deadline)

    def holds(self, outboxes: Outboxes) -> set[str]:
        """Return the tenants that this process serves now."""
        pattern = f"^csms-{self.name}-"
        return {lease["_id"] for lease in outboxes.leases.find({"owner": {"$regex": pattern}})}


def _entry(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}
