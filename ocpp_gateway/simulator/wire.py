"""One OCPP-J connection, seen from the station: its CALLs one at a time, the central system's CALLs answered.

The two directions do not wait for each other (OCPP-J 1.6 §4.1.1 limits each of them to one outstanding CALL).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

Payload = dict[str, Any]
_CALL, _RESULT, _ERROR = 2, 3, 4


class CallRefused(Exception):
    """A CALL was answered with a CALLERROR."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}" if description else code)
        self.code = code
        self.description = description


class CallTimeout(Exception):
    """A CALL was not answered in time; the connection still stands."""


class Offline(Exception):
    """There is no connection, or it broke before the answer came."""


class Unreadable(Exception):
    """The central system sent something that is no OCPP-J frame."""


@dataclass(slots=True)
class Reply:
    """An answer to a CALL, and what the station does once it has been sent."""

    payload: Payload
    then: Callable[[], Awaitable[None]] | None = None


Answer = Callable[[str, Payload], Reply]


def new_message_id() -> str:
    """Return an id that no connection of any station has used (OCPP-J 1.6 §4.1.4 allows 36 characters)."""
    return str(uuid4())


class Wire:
    """Speaks OCPP-J on an open socket. `answer` answers the central system, or raises CallRefused."""

    def __init__(self, socket: ClientConnection, answer: Answer, timeout: float) -> None:
        self._socket = socket
        self._answer = answer
        self._timeout = timeout
        self._turn = asyncio.Lock()
        self._waiting: dict[str, asyncio.Future[Payload]] = {}
        self._followers: set[asyncio.Task[None]] = set()

    async def call(self, action: str, payload: Payload, message_id: str | None = None) -> Payload:
        """Send a CALL when it is its turn, and return the answer's payload.

        Raises CallRefused for a CALLERROR, CallTimeout when none came in time, Offline on a lost socket.
        """
        identity = message_id or new_message_id()
        async with self._turn:
            future = asyncio.get_running_loop().create_future()
            self._waiting[identity] = future
            try:
                await self._send([_CALL, identity, action, payload])
                async with asyncio.timeout(self._timeout):
                    return await future
            except TimeoutError:
                raise CallTimeout(f"{action} was not answered within {self._timeout:g} s") from None
            finally:
                del self._waiting[identity]

    async def serve(self) -> None:
        """Read until the socket closes; a CALL that still waits then raises Offline. May raise Unreadable."""
        try:
            async for text in self._socket:
                await self._receive(text)
        except (ConnectionClosed, Offline):
            pass  # told to whoever waits, below
        finally:
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(Offline("the connection closed before the answer came"))

    async def close(self) -> None:
        """Close the connection."""
        await self._socket.close()

    async def _receive(self, text: str | bytes) -> None:
        frame = _parse(text)
        kind, identity = frame[0], frame[1]
        if kind == _CALL:
            await self._serve_call(identity, frame[2], frame[3] or {})
            return
        future = self._waiting.get(identity)
        if future is None or future.done():
            return  # an answer that came too late; OCPP-J asks to ignore it
        if kind == _RESULT:
            future.set_result(frame[2])
        elif kind == _ERROR:
            future.set_exception(CallRefused(frame[2], frame[3]))

    async def _serve_call(self, identity: str, action: str, payload: Payload) -> None:
        try:
            reply = self._answer(action, payload)
        except CallRefused as refusal:
            await self._send([_ERROR, identity, refusal.code, refusal.description, {}])
            return
        await self._send([_RESULT, identity, reply.payload])
        if reply.then is not None:
            task = asyncio.ensure_future(_follow(reply.then))
            self._followers.add(task)
            task.add_done_callback(self._followers.discard)

    async def _send(self, frame: list[Any]) -> None:
        try:
            await self._socket.send(json.dumps(frame, separators=(",", ":")))
        except ConnectionClosed as error:
            raise Offline(str(error)) from None


def _parse(text: str | bytes) -> list[Any]:
    """Return a frame of the right length for its kind; the fields themselves are not looked at."""
    try:
        frame = json.loads(text)
        if len(frame) >= {_CALL: 4, _RESULT: 3, _ERROR: 4}[frame[0]]:
            return list(frame)
    except (ValueError, TypeError, KeyError, IndexError):
        pass  # all of them mean the same
    raise Unreadable(f"not an OCPP-J frame: {text[:80]!r}")


async def _follow(then: Callable[[], Awaitable[None]]) -> None:
    # What was asked for may not be sent any more; the next connection starts afresh.
    with suppress(Offline, CallRefused, CallTimeout):
        await then()
