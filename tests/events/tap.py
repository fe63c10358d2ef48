"""A wire tap between publisher and broker: which messages the broker has acknowledged, and in what order they came.

This is what a publisher can know and what it answers for. A subscriber would not do for a broker that is killed:
what the broker has acknowledged and not yet delivered is then lost, and not by us.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from urllib.parse import urlsplit

from tests.acceptance.mqtt_capture import Heard, History
from tests.accepting import Accepting, forward, in_background

_CONNECT, _PUBLISH, _PUBACK = 0x10, 0x30, 0x40
_MQTT_5 = 5


class _Conversation:
    """One connection: what was published over it, by packet id, in order."""

    def __init__(self) -> None:
        self.published: dict[int, Heard] = {}
        self.acknowledged: set[int] = set()
        self.version = 0


class Tap(Accepting):
    """A context manager that forwards a port of its own to the broker at `url`."""

    def __init__(self, url: str) -> None:
        super().__init__()
        address = urlsplit(url)
        self._broker = (address.hostname, address.port)
        self._changed = threading.Condition()
        self._conversations: list[_Conversation] = []
        self._open = threading.Event()
        self._open.set()

    @property
    def url(self) -> str:
        return f"tcp://{self.address}"

    def taken(self) -> list[Heard]:
        """Return what the broker has acknowledged, in the order in which it was sent; nothing is left out."""
        with self._changed:
            return [
                heard
                for one in self._conversations
                for packet_id, heard in one.published.items()
                if packet_id in one.acknowledged
            ]

    def first(self) -> list[Heard]:
        """Return the same, each event once."""
        return History(self.taken()).first()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the broker's acknowledgements back inside the block."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    def wait_for_published(self, count: int, deadline: float = 30.0) -> None:
        """Return once so many messages were sent to the broker."""
        with self._changed:
            enough = self._changed.wait_for(lambda: self._sent() >= count, deadline)
            assert enough, f"{self._sent()} messages were sent"

    def _sent(self) -> int:
        return sum(len(one.published) for one in self._conversations)

    def wait_for_taken(self, count: int, deadline: float = 30.0) -> None:
        """Return once the broker has acknowledged so many messages."""
        with self._changed:
            enough = self._changed.wait_for(lambda: self._count() >= count, deadline)
            assert enough, f"{self._count()} messages were acknowledged"

    def _count(self) -> int:
        return sum(len(one.acknowledged) for one in self._conversations)

    def connected(self, client: socket.socket) -> None:
        """Forward both ways, and note what passes; without the broker, hang up."""
        try:
            broker = socket.create_connection(self._broker)
        except OSError:
            client.close()
            return
        one = _Conversation()
        self._conversations.append(one)
        in_background(self._pump, client, broker, partial(self._published, one))
        in_background(self._pump, broker, client, partial(self._acknowledged, one))

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket, note: Callable[[int, bytes], None]) -> None:
        """Forward until either side ends; every packet is noted before it is forwarded."""
        packets = _Packets()

        def take(data: bytes) -> bool:
            for kind, content in packets.feed(data):
                note(kind, content)
            return True

        forward(source, target, take)

    def _published(self, one: _Conversation, kind: int, content: bytes) -> None:
        if kind & 0xF0 == _CONNECT:
            one.version = content[6]  # after the name, "MQTT" with its length
        if kind & 0xF0 == _PUBLISH:
            end = 2 + int.from_bytes(content[:2], "big")
            packet_id = int.from_bytes(content[end : end + 2], "big")
            payload = content[end + 3 if one.version == _MQTT_5 else end + 2 :]  # version 5: and no properties
            with self._changed:
                heard = Heard(content[2:end].decode(), json.loads(payload), retained=False)
                assert packet_id not in one.published, "a packet id is used twice on one connection"
                one.published[packet_id] = heard
                self._changed.notify_all()

    def _acknowledged(self, one: _Conversation, kind: int, content: bytes) -> None:
        if kind & 0xF0 == _PUBACK:
            self._open.wait()
            with self._changed:
                one.acknowledged.add(int.from_bytes(content[:2], "big"))
                self._changed.notify_all()


class _Packets:
    """Cuts a stream into MQTT packets."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield (first byte, content) of each packet that is complete now."""
        self._data += data
        while (whole := self._next()) is not None:
            yield whole

    def _next(self) -> tuple[int, bytes] | None:
        length = 0
        for place in range(1, 5):
            if place >= len(self._data):
                return None
            byte = self._data[place]
            length |= (byte & 0x7F) << 7 * (place - 1)
            if byte < 0x80:
                break
        end = place + 1 + length
        if len(self._data) < end:
            return None
        kind, content = self._data[0], bytes(self._data[place + 1 : end])
        del self._data[:end]
        return kind, content
