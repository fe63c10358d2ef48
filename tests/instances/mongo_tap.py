"""A wire tap between an instance and MongoDB that swallows a commit: the transaction is open, and stays so."""

from __future__ import annotations

import socket
import threading

from csms.embedded.ports import LOOPBACK
from tests.accepting import Accepting, forward, in_background

_COMMIT = b"commitTransaction"


class MongoTap(Accepting):
    """A context manager that forwards a port of its own to MongoDB's."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port
        self._armed = threading.Event()
        self.swallowed = threading.Event()

    @property
    def url(self) -> str:
        """Where an instance connects; to this server directly, or it would learn its true address."""
        return f"mongodb://{self.address}/?directConnection=true"

    def arm(self) -> None:
        """Swallow commits from now on."""
        self._armed.set()

    def connected(self, client: socket.socket) -> None:
        """Forward both ways."""
        server = socket.create_connection((LOOPBACK, self._port))
        in_background(forward, client, server, self._take)
        in_background(forward, server, client)

    def _take(self, data: bytes) -> bool:
        if self._armed.is_set() and _COMMIT in data:
            self.swallowed.set()
            return False
        return True
