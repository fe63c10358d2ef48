"""A tenant's topics get another prefix: the broker keeps nothing under the earlier one, and all of it under the new."""

from __future__ import annotations

import asyncio
import time
from functools import partial

from csms.embedded.stack import Stack
from tests.acceptance.mqtt_capture import MqttCapture
from tests.acceptance.outbox import wait_until_published
from tests.gateway.conftest import Connect
from tests.gateway.v16.test_status_notification import AVAILABLE
from tests.mqtt_capture import Capture, Event
from tests.people import Operator

# Instances may use the earlier prefix for some seconds more.
DEADLINE = 30.0


def retained(stack: Stack, operator: Operator, prefix: str) -> dict[str, bool]:
    """Return which stations a subscriber who comes now finds under a prefix, and whether they are connected."""
    with MqttCapture(stack.mqtt.url, f"{prefix}/status/{operator.slug}/+") as late:
        found = late.everything().messages
    return {heard.payload["charge_point_id"]: heard.payload["connected"] for heard in found}


def until_cleared(operator: Operator, prefix: str) -> None:
    """Return when this is the prefix, nothing is left of earlier ones, and the broker has been told."""
    end = time.monotonic() + DEADLINE
    while operator.db["counters"].find_one({"_id": "topic_prefix", "wanted": prefix, "left": []}) is None:
        assert time.monotonic() < end, operator.db["counters"].find_one({"_id": "topic_prefix"})
    wait_until_published(operator.db, 20.0)


def speaks_under(prefix: str, events: list[Event]) -> bool:
    """Return whether the last that came of a station is its status under a prefix."""
    return bool(events) and events[-1].topic.startswith(f"{prefix}/status/")


async def test_it_moves_with_all_that_is_retained(
    connect: Connect, anna: Operator, mqtt: Capture, embedded_stack: Stack
) -> None:
    staying, leaving, never = (anna.installs() for _ in range(3))
    await asyncio.to_thread(until_cleared, anna, "ocpp")  # somebody has looked at the tenant as it was
    station = await connect(staying)
    gone = await connect(leaving)
    await gone.socket.close()
    await mqtt.assert_status(leaving.identity, lambda state: not state["connected"])
    await mqtt.assert_status(staying.identity, lambda state: state["connected"])
    expected = {staying.identity: True, leaving.identity: False}

    for prefix, earlier in (("moved/once", "ocpp"), ("ocpp", "moved/once")):
        assert (await asyncio.to_thread(retained, embedded_stack, anna, earlier)).items() >= expected.items()
        anna.configure(mqtt_topic_prefix=prefix)
        await mqtt.until(staying.identity, partial(speaks_under, prefix), f"a status under {prefix}")
        await asyncio.to_thread(until_cleared, anna, prefix)
        assert await asyncio.to_thread(retained, embedded_stack, anna, earlier) == {}
        now = await asyncio.to_thread(retained, embedded_stack, anna, prefix)
        assert now.items() >= expected.items()
        assert never.identity not in now
    await station.assert_replied("StatusNotification", AVAILABLE)
    event = await mqtt.assert_event(staying.identity, "connector.status_changed")
    assert event.topic.startswith("ocpp/events/"), "it speaks under the prefix of now"
    mqtt.assert_in_order(staying.identity)
    mqtt.assert_in_order(leaving.identity)
