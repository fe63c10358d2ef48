"""A peer of a test's own on a free port, which does something with whoever connects."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

from csms.embedded.ports import LOOPBACK


class Accepting:
    """A context manager: in it, `connected` is called with every connection, one after another."""

    def __init__(self) -> None:
        self._listener = socket.create_server((LOOPBACK, 0))

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{LOOPBACK}:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        in_background(self._accept)
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.close()

    def connected(self, client: socket.socket) -> None:
        """Do something with a connection; what takes time belongs into the background."""
        raise NotImplementedError

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed: the test is over
            self.connected(client)


def in_background(work: Callable[..., None], *arguments: Any) -> None:
    """Run something in a thread that ends with the process."""
    threading.Thread(target=work, args=arguments, daemon=True).start()


def forward(source: socket.socket, target: socket.socket, take: Callable[[bytes], bool] = lambda data: True) -> None:
    """Forward until either side ends; what `take` does not take is swallowed."""
    with suppress(OSError):  # one side is gone; the other is told below
        while data := source.recv(65536):
            if take(data):
                target.sendall(data)
    for end in (source, target):
        with suppress(OSError):  # closed by the other direction
            end.shutdown(socket.SHUT_RDWR)  # `close` alone would wait for a thread that reads from it
        end.close()
