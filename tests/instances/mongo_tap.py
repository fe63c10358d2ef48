"""A wire tap between an instance and MongoDB that swallows a commit: the transaction is open, and stays so."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self

from csms.embedded.ports import LOOPBACK

_COMMIT = b"commitTransaction"


class MongoTap:
    """A context manager that forwards a port of its own to MongoDB's."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server((LOOPBACK, 0))
        self._armed = threading.Event()
        self.swallowed = threading.Event()

    @property
    def url(self) -> str:
        """Where an instance connects; to this server directly, or it would learn its true address."""
        return f"mongodb://{LOOPBACK}:{self._listener.getsockname()[1]}/?directConnection=true"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.close()

    def arm(self) -> None:
        """Swallow commits from now on."""
        self._armed.set()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed: the test is over
            server = socket.create_connection((LOOPBACK, self._port))
            for source, target, watched in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._forward, args=(source, target, watched), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket, watched: bool) -> None:
        with suppress(OSError):  # one side is gone; the other is told below
            while data := source.recv(65536):
                if watched and self._armed.is_set() and _COMMIT in data:
                    self.swallowed.set()
                else:
                    target.sendall(data)
        for end in (source, target):
            with suppress(OSError):  # closed by the other direction
                end.shutdown(socket.SHUT_RDWR)  # `close` alone would wait for a thread that reads from it
            end.close()
