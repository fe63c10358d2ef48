"""What a broker retains, as a subscriber sees it who stays."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

DEADLINE = 30.0


@contextmanager
def retained_topics(broker: str, topics: list[str]) -> Iterator[Callable[[], set[str]]]:
    """Have the broker retain something under each topic; give a function that returns those it still retains."""
    address = urlsplit(broker)
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"retained-{secrets.token_hex(4)}")
    known: set[str] = set()

    def note(_: Any, userdata: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic in topics:
            (known.add if message.payload else known.discard)(message.topic)

    client.on_message = note
    assert address.hostname is not None
    client.connect(address.hostname, address.port or 1883)
    client.loop_start()
    client.subscribe([(topic, 1) for topic in topics])
    try:
        for topic in topics:
            client.publish(topic, b"{}", qos=1, retain=True).wait_for_publish(DEADLINE)
        seconds_until(lambda: known == set(topics))
        yield lambda: set(known)
    finally:
        for topic in topics:
            client.publish(topic, b"", qos=1, retain=True).wait_for_publish(DEADLINE)
        client.disconnect()
        client.loop_stop()


def seconds_until(condition: Callable[[], bool]) -> float:
    """Return how long it took until a condition was true; fails when it never is."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < DEADLINE, "it never came"
        threading.Event().wait(0.02)
    return time.monotonic() - begun
