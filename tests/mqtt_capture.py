"""What the broker delivers, as a subscriber outside of the product sees it."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from csms.embedded.stack import Stack
from tests.acceptance.mqtt_capture import MARKS

DEADLINE = 15.0


@dataclass(frozen=True, slots=True)
class Event:
    """One message: where it came, what it says, and whether it was kept by the broker for newcomers."""

    topic: str
    payload: dict[str, Any]
    retained: bool

    @property
    def type(self) -> str:
        return str(self.payload["event_type"])

    @property
    def data(self) -> dict[str, Any]:
        return dict(self.payload["data"])


class Capture:
    """Subscribes to everything and keeps it by station. Waiting is for messages, never for time."""

    def __init__(self, broker: str) -> None:
        self._arrived = threading.Condition()
        self._events: dict[str, list[Event]] = defaultdict(list)
        self._subscribed = threading.Event()
        self._address = urlsplit(broker)
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"capture-{secrets.token_hex(4)}")
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._keep

    def start(self) -> None:
        """Return when the broker has taken the subscription."""
        assert self._address.hostname is not None
        self._client.connect(self._address.hostname, self._address.port or 1883)
        self._client.loop_start()
        assert self._subscribed.wait(DEADLINE), "the broker took no subscription"

    def stop(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _keep(self, client: Any, userdata: Any, message: paho.MQTTMessage) -> None:
        if not message.payload or message.topic == MARKS:
            return  # the broker forgets what it retained on this topic; or a test's own message
        payload = json.loads(message.payload)
        with self._arrived:
            station = payload.get("charge_point_id", "")
            self._events[station].append(Event(message.topic, payload, message.retain))
            self._arrived.notify_all()

    # -- What came ---------------------------------------------------------------------------------

    def of(self, station: str, *types: str) -> list[Event]:
        """Return what a station's events were so far: those of `types`, or all but the status."""
        with self._arrived:
            events = list(self._events[station])
        return [event for event in events if event.type in types or (not types and not _is_status(event))]

    def status(self, station: str) -> list[Event]:
        """Return the messages on a station's status topic so far."""
        with self._arrived:
            return [event for event in self._events[station] if _is_status(event)]

    async def until(self, station: str, condition: Callable[[list[Event]], Any], what: str) -> Any:
        """Return what `condition` makes of the station's events as soon as it is true."""
        return await asyncio.to_thread(self._until, station, condition, what)

    def _until(self, station: str, condition: Callable[[list[Event]], Any], what: str) -> Any:
        end = time.monotonic() + DEADLINE
        with self._arrived:
            while not (found := condition(self._events[station])):
                if not self._arrived.wait(end - time.monotonic()):
                    came = [event.type for event in self._events[station]]
                    raise AssertionError(f"{station}: {what} did not come; what came: {came}")
            return found

    async def assert_event(self, station: str, event_type: str, number: int = 1, **data: Any) -> Event:
        """Return the `number`th event of a type that has this data; fails when it does not come."""

        def nth(events: list[Event]) -> Event | None:
            fitting = [event for event in events if event.type == event_type and _says(event, data)]
            return fitting[number - 1] if len(fitting) >= number else None

        event: Event = await self.until(station, nth, f"{event_type} {data or ''}")
        return event

    async def assert_status(self, station: str, condition: Callable[[dict[str, Any]], Any]) -> Event:
        """Return the first status message that fulfils the condition; fails when none does."""

        def fitting(events: list[Event]) -> Event | None:
            return next((e for e in events if _is_status(e) and condition(e.payload)), None)

        event: Event = await self.until(station, fitting, "such a status")
        return event

    def assert_in_order(self, station: str) -> None:
        """Check that a station's messages have rising sequence numbers and ids of their own."""
        with self._arrived:
            events = [event.payload for event in self._events[station]]
        sequences = [event["sequence"] for event in events]
        assert sequences == sorted(set(sequences)), f"{station}: {sequences}"
        ids = [event["event_id"] for event in events]
        assert len(set(ids)) == len(ids), f"{station}: an event id came twice"


def _is_status(event: Event) -> bool:
    return event.type == "charge_point.status"


def _says(event: Event, data: dict[str, Any]) -> bool:
    return all(event.payload["data"].get(name) == value for name, value in data.items())


@pytest.fixture(scope="session")
def mqtt(embedded_stack: Stack) -> Iterator[Capture]:
    """Everything the broker delivers, from before the first station connects."""
    capture = Capture(embedded_stack.mqtt.url)
    capture.start()
    yield capture
    capture.stop()
