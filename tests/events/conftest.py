"""Outboxes of a test's own on the shared MongoDB, and publishers for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from csms.embedded.ports import any_free
from csms.embedded.stack import Stack
from tests.acceptance.mqtt_capture import MqttCapture
from tests.events.outboxes import Outboxes
from tests.events.publishers import PublisherProcess

MakePublisher = Callable[..., PublisherProcess]


@pytest.fixture
def outboxes(embedded_stack: Stack) -> Iterator[Outboxes]:
    """Tenants `a` and `b`, without events."""
    outboxes = Outboxes(embedded_stack.mongodb.url)
    outboxes.add_tenant("a")
    outboxes.add_tenant("b")
    yield outboxes
    outboxes.drop()


@pytest.fixture
def capture(embedded_stack: Stack, outboxes: Outboxes) -> Iterator[MqttCapture]:
    """What the shared broker delivers of these tenants' events."""
    with MqttCapture(embedded_stack.mqtt.url, f"{outboxes.prefix}/#") as capture:
        yield capture


@pytest.fixture
def redis_url(embedded_stack: Stack) -> str:
    return f"redis://{embedded_stack.redis.address}/0"


@pytest.fixture
def no_redis() -> str:
    """An address where no Redis is."""
    return f"127.0.0.1:{any_free()}"


@pytest.fixture
def make_publisher(embedded_stack: Stack, outboxes: Outboxes, tmp_path: Path) -> Iterator[MakePublisher]:
    """Make publisher processes on the shared servers, or on others; all are stopped when the test ends."""
    made: list[PublisherProcess] = []

    def make(
        broker_url: str = embedded_stack.mqtt.url,
        *,
        redis: str = embedded_stack.redis.address,
        served: Outboxes = outboxes,
    ) -> PublisherProcess:
        made.append(PublisherProcess(served, broker_url, redis, tmp_path))
        return made[-1]

    yield make
    for publisher in made:
        publisher.process.stop(20)
