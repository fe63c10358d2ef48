"""Two tenants do the same at the same time: all that each leaves carries its own slug, and nothing of the other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import gridfs
import pytest
import redis
from bson import json_util
from django.conf import settings

from chargepoints.log_files import BUCKET
from csms.embedded.stack import Stack
from tests.isolation.side_by_side import STATION, TRANSACTIONS, Side
from tests.mqtt_capture import Capture
from tests.operators import anna, boris, founded, global_database
from tests.people import Operator
from tests.serving import Gateway, publisher

__all__ = ["anna", "boris", "founded", "global_database"]  # fixtures from elsewhere

PREFIX = "side-by-side"


class RedisTraffic:
    """Every command that Redis is sent about this installation, as `MONITOR` shows it."""

    def __init__(self) -> None:
        self._client = redis.Redis.from_url(f"redis://{settings.REDIS_ADDR}")
        self._monitor = self._client.monitor()
        self._monitor.__enter__()

    def commands(self) -> list[str]:
        """Return what came so far, of our prefix only: other tests use the same server."""
        self._client.echo("the-end")
        came = []
        while "the-end" not in (text := str(self._monitor.next_command()["command"])):
            came.append(text)
        return [text for text in came if PREFIX in text]

    def close(self) -> None:
        self._monitor.__exit__(None, None, None)
        self._client.close()


@pytest.fixture
def traffic() -> Iterator[RedisTraffic]:
    traffic = RedisTraffic()
    yield traffic
    traffic.close()


@pytest.fixture
async def lived(
    anna: Operator, boris: Operator, embedded_stack: Stack, tmp_path: Path, traffic: RedisTraffic
) -> AsyncIterator[tuple[list[Side], Gateway, Capture]]:
    """Both sides after their day, with the gateway they shared."""
    environment = {"REDIS_STATE_PREFIX": PREFIX, "LOG_LEVEL": "DEBUG"}
    gateway, events = Gateway("daphne", tmp_path, environment), publisher(tmp_path, environment)
    capture = Capture(embedded_stack.mqtt.url)
    capture.start()
    events.start()
    sides = [Side(anna), Side(boris)]
    try:
        gateway.start()
        for side in sides:
            side.operator.configure(message_log="all")
        await asyncio.gather(*(side.live(gateway, capture) for side in sides))
        yield sides, gateway, capture
    finally:
        gateway.stop()
        events.stop(20.0)
        capture.stop()


def _words(side: Side) -> tuple[str, str]:
    """Return what stands for one side wherever it is read."""
    return side.operator.slug, side.mark


def _mixed(text: str, sides: list[Side]) -> bool:
    lower = text.lower()
    return all(any(word in lower for word in _words(side)) for side in sides)


async def test_nothing_of_one_is_with_the_other(
    lived: tuple[list[Side], Gateway, Capture], traffic: RedisTraffic
) -> None:
    sides, gateway, capture = lived
    _check_events(sides, capture)
    _check_databases(sides)
    _check_files(sides)
    _check_redis(sides, await asyncio.to_thread(traffic.commands))
    gateway.stop()
    _check_logs(sides, gateway)


def _check_events(sides: list[Side], capture: Capture) -> None:
    for side, other in (sides, sides[::-1]):
        mine = [e for e in (*capture.of(STATION), *capture.status(STATION)) if f"/{side.operator.slug}/" in e.topic]
        assert sum(event.type == "session.started" for event in mine) == TRANSACTIONS
        for event in mine:
            text = json.dumps(event.payload)
            assert event.payload["tenant_id"] == side.operator.slug
            assert event.topic.split("/")[2:4] == [side.operator.slug, STATION]
            assert not any(word in text.lower() for word in _words(other)), text
    everybody = [*capture.of(STATION), *capture.status(STATION)]
    assert {e.topic.split("/")[2] for e in everybody} == {side.operator.slug for side in sides}


def _check_databases(sides: list[Side]) -> None:
    """Each collection that both have used has something of each, and nothing of the other."""
    for side, other in (sides, sides[::-1]):
        names = set(side.operator.db.list_collection_names())
        texts = {name: json_util.dumps(list(side.operator.db[name].find())) for name in names if "chunks" not in name}
        for name, text in texts.items():
            assert not any(word in text.lower() for word in _words(other)), f"{name} of {side.operator.slug}"
        for name in ("sessions", "charge_points", "ocpp_messages", "log_uploads", "commands"):
            assert side.mark in texts[name].lower() or STATION in texts[name], name
        assert side.operator.db["sessions"].count_documents({"charge_point_id": STATION}) == TRANSACTIONS


def _check_files(sides: list[Side]) -> None:
    for side, other in (sides, sides[::-1]):
        assert side.download == side.file
        bucket: Any = gridfs.GridFSBucket(side.operator.db, BUCKET)
        stored = [each.read() for each in bucket.find({})]
        assert side.file in stored
        assert other.file not in stored
        assert side.mark in side.export
        assert not any(word in side.export for word in _words(other))


def _check_redis(sides: list[Side], commands: list[str]) -> None:
    """Presence, calls in flight, rate limits, nudges: whatever was written about a station says whose it is."""
    assert commands
    # A nudge names every tenant that has events.
    about = [text for text in commands if not text.startswith(f"PUBLISH {PREFIX}:outbox")]
    for text in about:
        assert not _mixed(text, sides), text
        if STATION in text:
            assert any(side.operator.slug in text for side in sides), text
    for side in sides:
        assert any(f"{PREFIX}:presence:{side.operator.slug}" in text for text in about)
        assert any(f"{PREFIX}:pending:{side.operator.slug}:{STATION}" in text for text in about)
        # Rate limits are counted in the cache, by tenant.
        assert any(f"tenant:{side.operator.slug}" in text for text in about), "no rate limit was counted"
        assert not any(side.mark in text for text in about), "what a station says does not go through Redis"


def _check_logs(sides: list[Side], gateway: Gateway) -> None:
    entries = [json.dumps(entry) for entry in gateway.new_log()]
    for text in entries:
        assert not _mixed(text, sides), text
        if STATION in text:
            assert any(side.operator.slug in text for side in sides), f"whose station is that? {text}"
    for side in sides:
        assert any(side.operator.slug in text for text in entries)
