"""Peers that are no broker: they accept connections and then let their clients down."""

from __future__ import annotations

import socket
import threading

from tests.accepting import Accepting, in_background

# Of MQTT 5: no session present, success, no properties.
CONNACK_ACCEPTED = b"\x20\x03\x00\x00\x00"


class SilentPeer(Accepting):
    """Accepts every connection, greets it with `greeting`, reads what comes and never says anything again."""

    def __init__(self, greeting: bytes = b"") -> None:
        super().__init__()
        self._greeting = greeting
        self._changed = threading.Condition()
        self._clients: list[socket.socket] = []
        self.accepted = 0
        self.ended = 0
        self.received = 0

    @property
    def url(self) -> str:
        return f"tcp://{self.address}"

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        for client in self._clients:
            client.close()

    def wait_for(self, *, accepted: int = 0, ended: int = 0, received: int = 0, deadline: float = 20.0) -> None:
        """Return once so many connections were accepted and ended by the client, and so many bytes received."""
        with self._changed:
            enough = self._changed.wait_for(
                lambda: self.accepted >= accepted and self.ended >= ended and self.received >= received, deadline
            )
            assert enough, f"{self.accepted} accepted, {self.ended} ended, {self.received} bytes received"

    def connected(self, client: socket.socket) -> None:
        """Note the connection and read from it."""
        self._clients.append(client)
        self._note(accepted=1)
        in_background(self._read, client)

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
