"""Brokers that do not take everything: mosquitto with limits or an access list, and one that knows MQTT 3.1.1 only."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from csms.embedded.mqtt import Mosquitto
from csms.embedded.ports import any_free
from tests.accepting import Accepting, forward, in_background

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


class OldBroker(Accepting):
    """A context manager: the broker at `url` as it would be if it spoke MQTT 3.1.1 only.

    `refuses` says whether such a broker tells who speaks a newer version; many just hang up.
    """

    def __init__(self, url: str, *, refuses: bool) -> None:
        super().__init__()
        address = urlsplit(url)
        self._broker = (address.hostname, address.port)
        self._answer = _UNSUPPORTED if refuses else b""

    @property
    def url(self) -> str:
        return f"tcp://{self.address}"

    def connected(self, client: socket.socket) -> None:
        """Turn away who speaks a newer version; forward the others."""
        connect = client.recv(65536)
        if connect[_VERSION_AT] > _OLD:
            client.sendall(self._answer)
            client.close()
            return
        broker = socket.create_connection(self._broker)
        broker.sendall(connect)
        in_background(forward, client, broker)
        in_background(forward, broker, client)
