"""A station made of a bare WebSocket: it sends any text at all, and says what it expects to come back.

`assert_replied` and `assert_call_error` send a CALL and check the answer; what fails shows the whole transcript.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

# Nothing on loopback takes this long; what does is a failure.
DEADLINE = 15.0
CALL, CALL_RESULT, CALL_ERROR = 2, 3, 4
BOOT = {"chargePointVendor": "Acme", "chargePointModel": "Wallbox 22"}

Payload = Mapping[str, Any]


def basic(user: str, key: str | bytes) -> str:
    """Return the value of `Authorization` for a user and a key, as text or as raw bytes."""
    secret = key.encode() if isinstance(key, str) else key
    return "Basic " + base64.b64encode(user.encode() + b":" + secret).decode()


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a CALL: `payload` of a CALLRESULT, or `code` and `description` of a CALLERROR."""

    message_id: str
    payload: dict[str, Any] | None = None
    code: str = ""
    description: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A CALL of the server."""

    message_id: str
    action: str
    payload: dict[str, Any]


@dataclass
class Station:
    """One connection. Used as a context manager, it closes the socket in good order."""

    identity: str
    socket: ClientConnection
    transcript: list[str] = field(default_factory=list)
    asked: deque[Asked] = field(default_factory=deque)
    _ids: count[int] = field(default_factory=lambda: count(1))

    # -- Raw traffic -------------------------------------------------------------------------------

    async def send(self, text: str) -> None:
        """Send one text frame, whatever it says."""
        self.transcript.append(f"-> {text[:200]}")
        await self.socket.send(text)

    async def receive(self) -> str:
        """Return the next text frame; fails when none comes or the socket closes."""
        try:
            async with asyncio.timeout(DEADLINE):
                text = await self.socket.recv(decode=True)
        except TimeoutError:
            raise AssertionError(self._told("no frame came")) from None
        except ConnectionClosed as closed:
            raise AssertionError(self._told(f"the socket was closed: {closed.rcvd}")) from None
        assert isinstance(text, str)
        self.transcript.append(f"<- {text[:200]}")
        return text

    async def closed(self) -> int | None:
        """Return the close code with which the server closes; fails when it does not, or says more first."""
        try:
            async with asyncio.timeout(DEADLINE):
                text = await self.socket.recv()
        except TimeoutError:
            raise AssertionError(self._told("the socket stays open")) from None
        except ConnectionClosed:
            return self.socket.close_code
        raise AssertionError(self._told(f"a frame came instead of a close: {text!r}"))

    async def assert_silent(self, seconds: float = 0.3) -> None:
        """Check that the server says nothing for a moment; only a frame or a close ends the waiting sooner."""
        try:
            async with asyncio.timeout(seconds):
                text = await self.socket.recv()
        except TimeoutError:
            return
        except ConnectionClosed as closed:
            raise AssertionError(self._told(f"the socket was closed: {closed.rcvd}")) from None
        raise AssertionError(self._told(f"a frame came: {text!r}"))

    async def drop(self) -> None:
        """Lose the connection without a word, as a station that loses its power."""
        self.socket.transport.abort()
        await self.socket.wait_closed()

    # -- CALLs -------------------------------------------------------------------------------------

    def new_id(self) -> str:
        """Return a message id this connection has not used."""
        return f"m{next(self._ids)}"

    async def begin(self, action: str, payload: Payload | None, message_id: str | None = None) -> str:
        """Send a CALL without waiting for its answer, and return its id."""
        message_id = message_id or self.new_id()
        await self.send(json.dumps([CALL, message_id, action, payload]))
        return message_id

    async def answer(self) -> Answer:
        """Return the next answer that comes; what the server asks meanwhile is kept for `expect`."""
        text = await self.receive()
        while (frame := json.loads(text))[0] == CALL:
            self.asked.append(Asked(*frame[1:]))
            text = await self.receive()
        if frame[0] == CALL_RESULT and len(frame) == 3:
            return Answer(frame[1], payload=frame[2], text=text)
        if frame[0] == CALL_ERROR and len(frame) == 5:
            return Answer(frame[1], code=frame[2], description=frame[3], text=text)
        raise AssertionError(self._told(f"neither CALLRESULT nor CALLERROR: {text}"))

    async def call(self, action: str, payload: Payload | None = None, message_id: str | None = None) -> Answer:
        """Send a CALL and return its answer, which must be the next frame that comes."""
        message_id = await self.begin(action, {} if payload is None else payload, message_id)
        answer = await self.answer()
        assert answer.message_id == message_id, self._told(f"the answer is to {answer.message_id!r}")
        return answer

    async def assert_replied(
        self,
        action: str,
        payload: Payload | None = None,
        expected: Payload | None = None,
        *,
        message_id: str | None = None,
    ) -> dict[str, Any]:
        """Send a CALL, check that a CALLRESULT comes (equal to `expected` if given), and return its payload."""
        answer = await self.call(action, payload, message_id)
        assert answer.payload is not None, self._told(f"refused with {answer.code}: {answer.description}")
        if expected is not None:
            assert answer.payload == expected, self._told("another answer was expected")
        return answer.payload

    async def assert_call_error(
        self, action: str, payload: Payload | None, code: str, *, message_id: str | None = None
    ) -> Answer:
        """Send a CALL, check that it is refused with this CALLERROR code, and return the answer."""
        answer = await self.call(action, payload, message_id)
        assert answer.code == code, self._told(f"expected {code}, got {answer.code or answer.payload}")
        return answer

    async def assert_text_refused(self, text: str, message_id: str, code: str) -> Answer:
        """Send any text, and check that it is refused with this id and CALLERROR code."""
        await self.send(text)
        answer = await self.answer()
        assert (answer.message_id, answer.code) == (message_id, code), self._told(f"got {answer}")
        return answer

    # -- The server's CALLs ------------------------------------------------------------------------

    async def expect(self, action: str) -> Asked:
        """Return the server's next CALL of this action; others that come first are refused as not supported."""
        while True:
            asked = self.asked.popleft() if self.asked else await self._next_asked()
            if asked.action == action:
                return asked
            await self.refuse(asked, "NotSupported")

    async def _next_asked(self) -> Asked:
        frame = json.loads(await self.receive())
        assert frame[0] == CALL, self._told(f"not a CALL: {frame}")
        return Asked(*frame[1:])

    async def reply(self, asked: Asked, payload: Payload) -> None:
        """Answer a CALL of the server."""
        await self.send(json.dumps([CALL_RESULT, asked.message_id, payload]))

    async def refuse(self, asked: Asked, code: str, description: str = "") -> None:
        """Answer a CALL of the server with a CALLERROR."""
        await self.send(json.dumps([CALL_ERROR, asked.message_id, code, description, {}]))

    async def obey(self, action: str, answer: Payload) -> dict[str, Any]:
        """Answer the server's next CALL of this action and return its payload."""
        asked = await self.expect(action)
        await self.reply(asked, answer)
        return asked.payload

    async def boot(self, **facts: str) -> dict[str, Any]:
        """Boot and return the answer, which must be an acceptance."""
        payload = await self.assert_replied("BootNotification", {**BOOT, **facts})
        assert payload["status"] == "Accepted", self._told("the boot was not accepted")
        return payload

    def _told(self, what: str) -> str:
        return "\n  ".join([f"{self.identity}: {what}", *self.transcript[-12:]])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.socket.close()


async def connect_station(
    url: str,
    identity: str,
    authorization: str,
    *,
    subprotocols: Sequence[str] = ("ocpp1.6",),
    source: str | None = None,
) -> Station:
    """Open a socket at `url`, from the address `source`; raises `websockets.exceptions.InvalidStatus` when refused."""
    socket = await connect(
        url,
        subprotocols=[Subprotocol(name) for name in subprotocols],
        additional_headers={"Authorization": authorization},
        compression=None,
        ping_interval=None,
        max_size=None,
        open_timeout=DEADLINE,
        local_addr=(source, 0) if source else None,
    )
    return Station(identity, socket)
