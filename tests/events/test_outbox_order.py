"""Rows leave in the order in which MongoDB took them, whatever the clocks of their writers say."""

from __future__ import annotations

import time

import pytest
from pymongo import AsyncMongoClient

from csms.embedded.stack import Stack
from events.outbox import OLDEST_FIRST
from tenants.group_commit import GroupCommitter
from tests.acceptance.mqtt_capture import MqttCapture
from tests.domain.committing import Document, Unit
from tests.events.outboxes import Outboxes
from tests.events.publishers import publisher_thread

HOUR = 3600


class Writer:
    """An instance whose clock is off by some seconds."""

    def __init__(self, outboxes: Outboxes, client: AsyncMongoClient[Document], off: float) -> None:
        self._outboxes = outboxes
        self._committer = GroupCommitter(client[outboxes.database("a").name])
        self._off = off

    async def tell(self, patch: pytest.MonkeyPatch) -> None:
        """Store the next event of the station, and return when it is durable."""
        unit = Unit()
        unit.events.append(self._outboxes.event("a", "CP1"))
        with patch.context() as clock:
            now = time.time
            clock.setattr(time, "time", lambda: now() + self._off)
            await self._committer.commit(unit)


async def test_a_station_that_moves_between_instances_with_different_clocks(
    outboxes: Outboxes,
    capture: MqttCapture,
    embedded_stack: Stack,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with AsyncMongoClient[Document](outboxes.uri) as client:
        writers = [Writer(outboxes, client, off) for off in (HOUR, -HOUR)]
        for turn in range(20):
            await writers[turn % 2].tell(monkeypatch)
    rows = list(outboxes.database("a")["outbox"].find().sort(OLDEST_FIRST))
    made_at = [row["_id"].generation_time for row in rows]
    assert made_at != sorted(made_at), "the clocks did differ"
    assert [row["events"][0]["sequence"] for row in rows] == list(range(1, 21))

    with publisher_thread(outboxes, embedded_stack.mqtt.url, redis_url):
        outboxes.wait_until_published("a")
    assert outboxes.differences(capture.everything().messages) == []


def test_rows_from_before_there_was_an_order_leave_first(
    outboxes: Outboxes, capture: MqttCapture, embedded_stack: Stack, redis_url: str
) -> None:
    outbox = outboxes.database("a")["outbox"]
    outboxes.backlog("a", rows=10, stations=1)
    outbox.update_many({}, {"$unset": {"order": ""}})
    outboxes.backlog("a", rows=10, stations=1)
    with publisher_thread(outboxes, embedded_stack.mqtt.url, redis_url):
        outboxes.wait_until_published("a")
    assert outboxes.differences(capture.everything().messages) == []
