"""Opens WebSockets, many at a time: TCP, upgrade with Basic authentication, subprotocol `ocpp1.6`."""

from __future__ import annotations

import base64
import os
import select
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

UPGRADE_DEADLINE = 20.0


class DialError(Exception):
    """A server refused or did not finish an upgrade; the text holds its answer."""


@dataclass(frozen=True, slots=True)
class Target:
    """One station's way in: WebSocket URL, and the credentials that go with it."""

    url: str
    identity: str
    key: str = field(repr=False)

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "127.0.0.1", parts.port or 80

    def request(self) -> bytes:
        """Return the HTTP request that asks for the upgrade."""
        host, port = self.address
        basic = base64.b64encode(f"{self.identity}:{self.key}".encode()).decode()
        lines = (
            f"GET {urlsplit(self.url).path} HTTP/1.1",
            f"Host: {host}:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: ocpp1.6",
            f"Authorization: Basic {basic}",
        )
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


def dial(targets: Iterable[Target], width: int = 32) -> list[socket.socket]:
    """Return one open, non-blocking WebSocket per target, in their order; `width` upgrades run at a time.

    Raises DialError when a server refuses, closes, or says nothing for `UPGRADE_DEADLINE` seconds.
    """
    return _Dialling(targets, width).run()


class _Dialling:
    def __init__(self, targets: Iterable[Target], width: int) -> None:
        self._waiting = list(enumerate(targets))[::-1]
        self._sockets: list[socket.socket | None] = [None] * len(self._waiting)
        self._under_way: dict[int, tuple[int, socket.socket, bytearray]] = {}
        self._width = width
        self._poll = select.epoll()

    def run(self) -> list[socket.socket]:
        try:
            while self._waiting or self._under_way:
                while self._waiting and len(self._under_way) < self._width:
                    self._start()
                self._advance()
        except BaseException:
            self._abandon()
            raise
        finally:
            self._poll.close()
        return [sock for sock in self._sockets if sock is not None]

    def _start(self) -> None:
        place, target = self._waiting.pop()
        sock = socket.create_connection(target.address, timeout=UPGRADE_DEADLINE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(target.request())
        sock.setblocking(False)
        self._under_way[sock.fileno()] = (place, sock, bytearray())
        self._poll.register(sock.fileno(), select.EPOLLIN)

    def _advance(self) -> None:
        ready = self._poll.poll(UPGRADE_DEADLINE)
        if not ready:
            raise DialError(f"no answer to {len(self._under_way)} upgrades within {UPGRADE_DEADLINE:.0f} s")
        for descriptor, _ in ready:
            self._read(descriptor)

    def _read(self, descriptor: int) -> None:
        place, sock, answer = self._under_way[descriptor]
        answer += sock.recv(4096)
        if not answer:
            raise DialError("the server closed the connection without an answer to the upgrade")
        if b"\r\n\r\n" not in answer:
            return
        _check(bytes(answer))
        self._poll.unregister(descriptor)
        del self._under_way[descriptor]
        self._sockets[place] = sock

    def _abandon(self) -> None:
        for _, sock, _ in self._under_way.values():
            sock.close()
        for opened in self._sockets:
            if opened is not None:
                opened.close()


def _check(answer: bytes) -> None:
    if not answer.startswith(b"HTTP/1.1 101"):
        raise DialError("upgrade refused: " + answer.split(b"\r\n", 1)[0].decode(errors="replace"))
    if b"ocpp1.6" not in answer:
        raise DialError("upgrade without the subprotocol ocpp1.6")
    if not answer.endswith(b"\r\n\r\n"):
        raise DialError("the server spoke before the station did, which this load generator does not read")


def wait_for_port(address: tuple[str, int], deadline: float) -> None:
    """Return once something listens at `address`; raises DialError after `deadline` seconds."""
    end = time.monotonic() + deadline
    while True:
        try:
            socket.create_connection(address, timeout=1).close()
            return
        except OSError:
            if time.monotonic() > end:
                host, port = address
                raise DialError(f"nothing listens on {host}:{port} after {deadline:.0f} s") from None
            time.sleep(0.05)
