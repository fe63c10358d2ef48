"""Stations so light that one test holds hundreds: a socket each, which answers our commands at once or holds them.

Frames are cut by the load generator's own reader (`bench.frames`): nothing here is faster or stricter than it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from bench.dial import Target
from bench.frames import CLOSE, PING, PONG, FrameReader, masked

DEADLINE = 30.0
# What a willing station answers; everything else is `{"status": "Accepted"}`.
ANSWERS: dict[str, dict[str, Any]] = {
    "GetConfiguration": {"configurationKey": [], "unknownKey": []},
    "GetDiagnostics": {"fileName": "diagnostics.zip"},
    "GetLocalListVersion": {"listVersion": 3},
    "UnlockConnector": {"status": "Unlocked"},
    "UpdateFirmware": {},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One CALL as the station got it."""

    message_id: str
    action: str
    payload: dict[str, Any]


class Line(asyncio.Protocol):
    """One socket of a station."""

    def __init__(self, station: LightStation) -> None:
        self._station = station
        self._frames = FrameReader()
        self._head = b""
        self._upgraded = asyncio.get_running_loop().create_future()
        self._answers: dict[str, asyncio.Future[list[Any]]] = {}
        self.transport: asyncio.Transport
        self.asked: list[Asked] = []
        self.close_code: int | None = None
        self.closed = asyncio.Event()

    # -- What asyncio calls ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if not self._upgraded.done():
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            self._upgraded.set_result(int(head.split(b" ", 2)[1]))
        for opcode, payload in self._frames.feed(data):
            self._take(opcode, payload)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._upgraded.done():
            self._upgraded.set_result(0)
        for answer in self._answers.values():
            answer.cancel()
        self.closed.set()
        self._station.changed()

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == CLOSE:
            self.close_code = int.from_bytes(payload[:2], "big") if payload else 1005
            self.transport.write(masked(payload[:2], CLOSE))
            self.transport.close()
        elif opcode == PING:
            self.transport.write(masked(payload, PONG))
        else:
            self._take_message(json.loads(payload))

    def _take_message(self, frame: list[Any]) -> None:
        if frame[0] == 2:
            asked = Asked(*frame[1:4])
            self.asked.append(asked)
            self._station.take(self, asked)
        elif (answer := self._answers.pop(frame[1], None)) is not None and not answer.done():
            answer.set_result(frame)

    # -- What tests call ---------------------------------------------------------------------------

    async def upgraded(self) -> int:
        """Return the HTTP status of the answer to the upgrade; 0 when there was none."""
        async with asyncio.timeout(DEADLINE):
            return int(await self._upgraded)

    def send(self, frame: list[Any]) -> None:
        """Send one message and return at once."""
        self.transport.write(masked(json.dumps(frame).encode()))

    def begin(self, action: str, payload: dict[str, Any]) -> asyncio.Future[list[Any]]:
        """Send a CALL; the future holds the whole answer, or is cancelled with the socket."""
        message_id = self._station.new_id()
        answer = asyncio.get_running_loop().create_future()
        self._answers[message_id] = answer
        self.send([2, message_id, action, payload])
        return answer

    async def call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Send a CALL and return the payload of its CALLRESULT."""
        async with asyncio.timeout(DEADLINE):
            answer = await self.begin(action, payload)
        assert answer[0] == 3, f"{self._station.id}: {action} was refused: {answer}"
        result: dict[str, Any] = answer[2]
        return result

    def freeze(self) -> None:
        """Read nothing more, like a station behind a dead link; the socket stays open."""
        self.transport.pause_reading()

    def drop(self) -> None:
        """Lose the socket without a word."""
        self.transport.abort()

    async def ended(self) -> int | None:
        """Return the close code when the socket is gone; None without one."""
        if not self.closed.is_set() and not self.transport.is_closing():
            self.transport.resume_reading()
        async with asyncio.timeout(DEADLINE):
            await self.closed.wait()
        return self.close_code


class LightStation:
    """One station; every socket it has opened is in `lines`, the last one is the newest."""

    def __init__(self, identity: str, path: str, key: str) -> None:
        self.id = identity
        self._path = path
        self._key = key
        self._ids = count(1)
        self._news = asyncio.Event()
        self.lines: list[Line] = []
        # CALLs that wait for `release`, while `holding`.
        self.holding = False
        self.held: list[tuple[Line, Asked]] = []
        self.answer: Callable[[Asked], list[Any]] = accept

    @property
    def line(self) -> Line:
        """The newest socket."""
        return self.lines[-1]

    async def connect(self, http_url: str) -> Line:
        """Open a socket at the instance with this URL; the older ones are left as they are."""
        line = await self.knock(http_url)
        status = await line.upgraded()
        assert status == 101, f"{self.id}: the upgrade was answered with {status}"
        self.lines.append(line)
        return line

    async def knock(self, http_url: str) -> Line:
        """Ask for an upgrade and return the socket, whatever comes of it."""
        target = Target(f"ws://{urlsplit(http_url).netloc}{self._path}", self.id, self._key)
        _, line = await asyncio.get_running_loop().create_connection(lambda: Line(self), *target.address)
        line.transport.write(target.request())
        return line

    def take(self, line: Line, asked: Asked) -> None:
        """Answer a CALL, or hold it."""
        if self.holding:
            self.held.append((line, asked))
        else:
            line.send(self.answer(asked))
        self.changed()

    def release(self) -> None:
        """Answer what was held, and hold nothing more."""
        self.holding = False
        for line, asked in self.held:
            line.send(self.answer(asked))
        self.held.clear()

    def new_id(self) -> str:
        return f"{self.id}-{next(self._ids)}"

    def changed(self) -> None:
        """Wake `until`."""
        self._news.set()

    async def until(self, condition: Callable[[LightStation], object], deadline: float = DEADLINE) -> None:
        """Return when the condition holds; it is looked at whenever something happens on a socket."""
        async with asyncio.timeout(deadline):
            while not condition(self):
                self._news.clear()
                await self._news.wait()

    async def until_asked(self, action: str, number: int = 1) -> Asked:
        """Return the `number`th CALL of an action that came over any socket."""
        await self.until(lambda station: len(station.asked(action)) >= number)
        return self.asked(action)[number - 1]

    def asked(self, action: str) -> list[Asked]:
        """Return the CALLs of an action, socket by socket, in the order in which they came."""
        return [one for line in self.lines for one in line.asked if one.action == action]

    def drop(self) -> None:
        """Lose every socket without a word."""
        for line in self.lines:
            line.drop()


def accept(asked: Asked) -> list[Any]:
    """Return the CALLRESULT of a station that does what it is asked for."""
    return [3, asked.message_id, ANSWERS.get(asked.action, {"status": "Accepted"})]
