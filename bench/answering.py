"""Idle stations that do what they are asked for at once: one thread with an epoll loop, which costs next to nothing."""

from __future__ import annotations

import json
import select
import socket
import threading
from types import TracebackType
from typing import Any, Self

from bench.dial import Target, dial
from bench.frames import PING, PONG, TEXT, FrameReader, masked

_BOOT = b'[2,"boot","BootNotification",{"chargePointVendor":"BenchCharge","chargePointModel":"Twin 22"}]'
_LOOK = 0.2  # seconds between two looks whether it is over
_BOOTED_WITHIN = 30.0
# What the product asks of its own accord after a boot; everything else is accepted.
_ANSWERS: dict[str, dict[str, Any]] = {
    "GetConfiguration": {"configurationKey": [], "unknownKey": []},
    "GetLocalListVersion": {"listVersion": 0},
}


class AnsweringStations:
    """A context manager: in it the stations are connected and booted, and answer."""

    def __init__(self, targets: list[Target]) -> None:
        self._sockets = dial(targets)
        self._readers = {sock.fileno(): (sock, FrameReader()) for sock in self._sockets}
        self._booted = threading.Semaphore(0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._answer, name="stations", daemon=True)

    def __enter__(self) -> Self:
        for sock in self._sockets:
            sock.send(masked(_BOOT))
        self._thread.start()
        for _ in self._sockets:
            if not self._booted.acquire(timeout=_BOOTED_WITHIN):
                raise TimeoutError(f"not every station was accepted within {_BOOTED_WITHIN:.0f} s")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        for sock in self._sockets:
            sock.close()

    def _answer(self) -> None:
        with select.epoll() as poll:
            for descriptor in self._readers:
                poll.register(descriptor, select.EPOLLIN)
            while not self._over.is_set():
                for descriptor, _ in poll.poll(_LOOK):
                    sock, reader = self._readers[descriptor]
                    data = sock.recv(65536)
                    if not data:
                        poll.unregister(descriptor)
                    for opcode, payload in reader.feed(data):
                        self._take(sock, opcode, payload)

    def _take(self, sock: socket.socket, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            sock.send(masked(payload, PONG))
        elif opcode == TEXT:
            frame = json.loads(payload)
            if frame[0] == 2:
                answer = _ANSWERS.get(frame[2], {"status": "Accepted"})
                sock.send(masked(json.dumps([3, frame[1], answer]).encode()))
            elif frame[1] == "boot":
                self._booted.release()
