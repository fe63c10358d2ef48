"""Peers that are no broker: they accept connections and then let their clients down."""

from __future__ import annotations

import socket
import threading
from typing import Self

from csms.embedded.ports import LOOPBACK

# Of MQTT 5: no session present, success, no properties.
CONNACK_ACCEPTED = b"\x20\x03\x00\x00\x00"


class SilentPeer:
    """Accepts every connection, greets it with `greeting`, reads what comes and never says anything again."""

    def __init__(self, greeting: bytes = b"") -> None:
        self._greeting = greeting
        self._listener = socket.create_server((LOOPBACK, 0))
        self._changed = threading.Condition()
        self._clients: list[socket.socket] = []
        self.accepted = 0
        self.ended = 0
        self.received = 0

    @property
    def url(self) -> str:
        return f"tcp://{LOOPBACK}:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.close()
        for client in self._clients:
            client.close()

    def wait_for(self, *, accepted: int = 0, ended: int = 0, received: int = 0, deadline: float = 20.0) -> None:
        """Return once so many connections were accepted and ended by the client, and so many bytes received."""
        with self._changed:
            enough = self._changed.wait_for(
                lambda: self.accepted >= accepted and self.ended >= ended and self.received >= received, deadline
            )
            assert enough, f"{self.accepted} accepted, {self.ended} ended, {self.received} bytes received"

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed: the test is over
            self._clients.append(client)
            self._note(accepted=1)
            threading.Thread(target=self._read, args=[client], daemon=True).start()

    def _read(self, client: socket.socket) -> None:
        try:
            client.sendall(self._greeting)
            while data := client.recv(65536):
                self._note(received=len(data))
        except OSError:
            pass  # reset by the client, or closed by the test: both are an end
        self._note(ended=1)

    def _note(self, accepted: int = 0, ended: int = 0, received: int = 0) -> None:
        with self._changed:
            self.accepted += accepted
            self.ended += ended
            self.received += received
            self._changed.notify_all()
