"""Brokers that do not take everything: mosquitto with limits or an access list, and one that knows MQTT 3.1.1 only."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from csms.embedded.mqtt import Mosquitto
from csms.embedded.ports import LOOPBACK, any_free

_VERSION_AT, _OLD = 8, 4
_UNSUPPORTED = b"\x20\x02\x00\x01"


class StrictMosquitto(Mosquitto):
    """mosquitto with settings of a test's own; `access` is its list of who may do what."""

    def __init__(self, directory: Path, *settings: str, access: str | None = None) -> None:
        super().__init__(directory, any_free())
        self._settings = settings
        self._access = directory / "access"
        directory.mkdir()
        if access is not None:
            self._access.write_text(access)
            self._settings += (f"acl_file {self._access}",)

    def _configuration(self) -> str:
        return super()._configuration() + "\n".join(self._settings) + "\n"

    def allow(self, access: str) -> None:
        """Replace the access list."""
        self._access.write_text(access)
        os.kill(self.pid, signal.SIGHUP)


@contextmanager
def strict(directory: Path, *settings: str, access: str | None = None) -> Iterator[StrictMosquitto]:
    """Give a running broker."""
    broker = StrictMosquitto(directory / "strict", *settings, access=access)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


class OldBroker:
    """A context manager: the broker at `url` as it would be if it spoke MQTT 3.1.1 only.

    `refuses` says whether such a broker tells who speaks a newer version; many just hang up.
    """

    def __init__(self, url: str, *, refuses: bool) -> None:
        address = urlsplit(url)
        self._broker = (address.hostname, address.port)
        self._answer = _UNSUPPORTED if refuses else b""
        self._listener = socket.create_server((LOOPBACK, 0))

    @property
    def url(self) -> str:
        return f"tcp://{LOOPBACK}:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        _in_background(self._accept)
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed: the test is over
            connect = client.recv(65536)
            if connect[_VERSION_AT] > _OLD:
                client.sendall(self._answer)
                client.close()
                continue
            broker = socket.create_connection(self._broker)
            broker.sendall(connect)
            _in_background(lambda one=client, other=broker: _forward(one, other))  # type: ignore[misc]
            _in_background(lambda one=client, other=broker: _forward(other, one))  # type: ignore[misc]


def _forward(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass  # one side is gone; the other is told below
    for end in (source, target):
        with suppress(OSError):  # closed by the other direction
            end.shutdown(socket.SHUT_RDWR)  # `close` alone would wait for a thread that reads from it
        end.close()


def _in_background(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()
