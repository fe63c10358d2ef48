"""An MQTT subscriber that keeps everything it hears, so that tests can wait for it and look at its order."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

MARKS = "acceptance/marks"


@dataclass(frozen=True)
class Heard:
    """One message as it arrived."""

    topic: str
    payload: dict[str, Any]
    retained: bool

    @property
    def event_id(self) -> str:
        return str(self.payload["event_id"])


@dataclass
class History:
    """What was heard, in order of arrival; `first` leaves out what came again."""

    messages: list[Heard] = field(default_factory=list)

    def first(self) -> list[Heard]:
        """Return each event once, at the place where it first arrived."""
        seen: dict[str, Heard] = {}
        for message in self.messages:
            seen.setdefault(message.event_id, message)
        return list(seen.values())

    def of_session(self, session_id: str) -> list[Heard]:
        """Return a session's events, each once."""
        return [heard for heard in self.first() if heard.payload.get("session_id") == session_id]

    def of_station(self, station: str) -> list[Heard]:
        """Return a station's events, each once."""
        return [heard for heard in self.first() if heard.payload["charge_point_id"] == station]


class MqttCapture:
    """A context manager that subscribes with QoS 1. The broker keeps its place while it is away."""

    def __init__(self, url: str, topics: str = "ocpp/#") -> None:
        address = urlsplit(url)
        assert address.hostname is not None
        assert address.port is not None
        self._address = (address.hostname, address.port)
        self._topics = topics
        self._changed = threading.Condition()
        self._messages: list[Heard] = []
        self._marks: set[str] = set()
        self._subscribed = False
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=f"capture-{secrets.token_hex(4)}", clean_session=False
        )
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.on_disconnect = self._on_disconnect
        self._client.reconnect_delay_set(1, 1)

    def __enter__(self) -> Self:
        self._client.connect(*self._address)
        self._client.loop_start()
        self.wait_subscribed()
        return self

    def __exit__(self, *error: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def wait_subscribed(self, deadline: float = 15.0) -> None:
        """Return once the broker has confirmed the subscription of the present connection."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._subscribed, deadline), "not subscribed in time"

    def wait_for(self, ready: Callable[[History], bool], deadline: float = 20.0) -> History:
        """Return what was heard once `ready` says that it is enough."""
        with self._changed:
            history = History(self._messages)
            enough = self._changed.wait_for(lambda: ready(history), deadline)
            heard = [(one.topic, one.payload["event_type"]) for one in self._messages[-20:]]
            assert enough, f"{len(self._messages)} messages after {deadline:g} s; the last: {heard}"
            return History(list(self._messages))

    def everything(self) -> History:
        """Return all that the broker has taken before this call.

        A broker delivers to a subscriber in the order of arrival, so what comes before a mark was there before it.
        """
        mark = secrets.token_hex(8)
        self.wait_subscribed()
        self._client.publish(MARKS, mark, qos=1)
        with self._changed:
            assert self._changed.wait_for(lambda: mark in self._marks, 60), "the broker delivers nothing"
            return History(list(self._messages))

    def _on_connect(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe([(self._topics, 1), (MARKS, 1)])

    def _on_subscribe(self, *_: Any) -> None:
        with self._changed:
            self._subscribed = True
            self._changed.notify_all()

    def _on_disconnect(self, *_: Any) -> None:
        with self._changed:
            self._subscribed = False

    def _on_message(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic == MARKS:
            with self._changed:
                self._marks.add(message.payload.decode())
                self._changed.notify_all()
            return
        if not message.payload:
            return  # the broker forgets what it retained on this topic
        heard = Heard(message.topic, json.loads(message.payload), message.retain)
        with self._changed:
            self._messages.append(heard)
            self._changed.notify_all()
