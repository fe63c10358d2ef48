"""One WebSocket, between an asyncio transport and an ASGI application: the same on Daphne and on Uvicorn.

The protocol itself is that of `websockets`, without I/O; this class adds what a fleet of stations needs:
bounded memory in both directions, refusals before the upgrade, close codes that reach the peer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from enum import Enum
from typing import Any, cast

from websockets.http11 import Response

from csms.serve.frames import FrameReader, Outcome, text_frame
from csms.serve.handshake import Handshake, Refused, refusal, unavailable
from csms.serve.inbox import Inbox
from csms.serve.keepalive import Keepalive
from csms.serve.link import Link
from csms.serve.options import Limits
from csms.serve.wire import COMPRESS_FROM, new_wire

Message = dict[str, Any]
Application = Callable[..., Coroutine[Any, Any, None]]

logger = logging.getLogger(__name__)


class Disconnected(OSError):
    """The WebSocket is over: what `send` raises from then on (ASGI 2.4)."""


class State(Enum):
    """Where a WebSocket is in its life; it only moves downwards."""

    CONNECTING = "the handshake is not answered yet"
    OPEN = "open"
    CLOSING = "we sent a close frame and wait for the peer's"
    ENDING = "nothing is read any more; our last words are on their way"
    CLOSED = "the connection is gone"


CONNECTING, OPEN, CLOSING, ENDING, CLOSED = State  # an Enum's attributes are too slow for every frame


class WebSocket(asyncio.Protocol):
    """Runs `application` for one connection; `connections` and `tasks` are the server's, kept up to date."""

    __slots__ = (
        "_application",
        "_connections",
        "_handshake",
        "_heard",
        "_inbox",
        "_keepalive",
        "_limits",
        "_link",
        "_path",
        "_reader",
        "_state",
        "_task",
        "_tasks",
        "_wire",
    )

    def __init__(
        self, application: Application, limits: Limits, connections: set[Any], tasks: set[asyncio.Task[None]]
    ) -> None:
        self._application = application
        self._limits = limits
        self._connections = connections
        self._tasks = tasks
        self._link: Link
        self._wire = new_wire(limits)
        self._inbox = Inbox(limits.unread_messages)
        self._reader = FrameReader(self._wire, self._inbox, limits)
        self._handshake: Handshake | None = Handshake(self._wire)
        self._state = CONNECTING
        self._path = ""
        self._task: asyncio.Task[None] | None = None
        self._keepalive: Keepalive | None = None
        self._heard = False  # anything since the last ping

    # -- What the server calls ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is an asyncio.Transport in all but name
        self._link = Link(cast(asyncio.Transport, transport), self._limits.write)
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        self._heard = True
        if self._state is CONNECTING and self._task is None:
            self._begin(data)
        elif self._state is not ENDING:
            self._reader.feed(data)
            self._read()

    def pause_writing(self) -> None:
        self._link.stall()
        # Nothing is read from a peer that reads nothing: its pings would fill our buffer with pongs.
        self._steer()

    def resume_writing(self) -> None:
        self._link.unstall()
        self._steer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave(CLOSED, 1006, "")
        self._link.no_timer()
        self._connections.discard(self)
        self._link.unstall()
        if self._task is not None and not self._task.done():
            self._link.after(self._limits.orphan, self._cancel_orphan)

    def shutdown(self) -> None:
        """Tell the peer that the server goes away: 1012, or 503 to a handshake without an answer."""
        if self._state is CONNECTING:
            self._refuse(unavailable("The server is restarting.\n"))
        elif self._state is OPEN:
            self._close(1012, "service restart")

    # -- What the application calls ----------------------------------------------------------------

    async def receive(self) -> Message:
        """Return the next ASGI event; taking one makes room for more to be read."""
        message = await self._inbox.get()
        if not self._link.reading and len(self._inbox) <= 1:
            self._read()
        return message

    async def send(self, message: Message) -> None:
        """Do what the ASGI event says; a message waits while the peer reads too slowly. Raises Disconnected."""
        if self._link.stalled and message["type"] == "websocket.send":
            await self._link.drained()
        if self._state is OPEN:
            self._send(message)
        elif self._state is CONNECTING:
            self._answer(message)
        elif message["type"] != "websocket.close":
            raise Disconnected(f"{message['type']} came after the end of the WebSocket")

    def _send(self, message: Message) -> None:
        if message["type"] == "websocket.send":
            text = message.get("text")
            if text is None:
                self._wire.send_binary(message["bytes"])
                self._flush()
            else:
                self._send_text(text.encode())
        elif message["type"] == "websocket.close":
            self._close(message.get("code") or 1000, message.get("reason") or "")
        else:
            raise RuntimeError(f"{message['type']} sent to an open WebSocket")

    def _send_text(self, payload: bytes) -> None:
        if self._wire.extensions and len(payload) >= COMPRESS_FROM:
            self._wire.send_text(payload)
            self._flush()
        else:
            self._link.write(text_frame(payload))

    # -- Handshake ---------------------------------------------------------------------------------

    def _begin(self, data: bytes) -> None:
        assert self._handshake is not None
        try:
            scope = self._handshake.read(data, self._link.transport)
        except Refused as refused:
            self._refuse(refused.response)
            return
        if scope is not None:
            self._path = scope["path"]
            self._inbox.put({"type": "websocket.connect"})
            self._task = asyncio.get_running_loop().create_task(self._application(scope, self.receive, self.send))
            self._tasks.add(self._task)
            self._task.add_done_callback(self._finished)
            self._link.after(self._limits.accept, self._not_answered)

    def _answer(self, message: Message) -> None:
        assert self._handshake is not None
        response = self._handshake.answer(message)
        if response is not None and response.status_code == 101:
            self._accept(response)
        elif response is not None:
            self._refuse(response)

    def _accept(self, response: Response) -> None:
        self._wire.send_response(response)
        self._flush()
        self._state = OPEN
        if self._handshake is not None:
            self._handshake.forget_headers()
        self._handshake = None
        self._link.no_timer()
        if self._limits.ping_interval:
            self._keepalive = Keepalive(self, self._limits.ping_interval, self._limits.pong_timeout)
        self._read()

    def _refuse(self, response: Response) -> None:
        self._link.flush(response.serialize())
        self._leave(ENDING, 1006, "")
        self._link.close()

    def _not_answered(self) -> None:
        logger.warning("no answer to the handshake of %s within %.0f s", self._path, self._limits.accept)
        self._refuse(unavailable("The server is busy.\n"))

    # -- Reading -----------------------------------------------------------------------------------

    def _read(self) -> None:
        if self._state is OPEN or self._state is CLOSING:
            outcome = self._reader.read()
            if self._wire.writes:
                self._flush()  # pongs, close frames
            if outcome is Outcome.CLOSED:
                self._peer_closed()
            elif outcome is Outcome.FAILED:
                self._peer_failed()
        self._steer()

    def _steer(self) -> None:
        """Read from the network only while the application and the peer keep up."""
        if self._state is OPEN:
            self._link.read(not self._inbox.full and not self._link.stalled)
        else:
            self._link.read(self._state is not CONNECTING or len(self._reader) < self._limits.early_bytes)

    # -- The end -----------------------------------------------------------------------------------

    def _close(self, code: int, reason: str) -> None:
        """Close in good order: the peer's close frame, or the time limit, ends the connection."""
        self._wire.send_close(code, reason)
        self._flush()
        self._leave(CLOSING, code, reason)
        self._reader.look_for_close()
        self._read()

    def _peer_closed(self) -> None:
        received = self._wire.close_rcvd
        assert received is not None
        self._leave(ENDING, received.code, received.reason)
        self._link.close()

    def _peer_failed(self) -> None:
        sent = self._wire.close_sent
        assert sent is not None
        self._leave(ENDING, sent.code, sent.reason)
        self._link.half_close()

    def _leave(self, state: State, code: int, reason: str) -> None:
        """Go on to `state`, tell the application once, and limit the time of what is left to do."""
        if self._state is OPEN or self._state is CONNECTING:
            self._inbox.put({"type": "websocket.disconnect", "code": code, "reason": reason})
        self._state = state
        self._link.abort_after(self._limits.close)
        if self._keepalive is not None:
            self._keepalive.stop()
            self._keepalive = None
        if state is not CLOSING:
            self._reader.clear()
        self._link.release()
        self._steer()

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._state is CLOSED:
            self._link.no_timer()
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, Disconnected):
            logger.error("the application failed on %s", self._path, exc_info=error)
        if self._state is CONNECTING:
            self._refuse(refusal(500, body=b"The server has a fault; its log says which.\n"))
        elif self._state is OPEN:
            self._close(1011 if error or task.cancelled() else 1000, "")

    def _cancel_orphan(self) -> None:
        assert self._task is not None
        logger.warning("%s: stopped %.0f s after its socket was gone", self._path, self._limits.orphan)
        self._task.cancel()

    # -- Keepalive ---------------------------------------------------------------------------------

    def ping(self) -> None:
        """Ask the peer for a sign of life."""
        self._heard = False
        self._wire.send_ping(b"ping")
        self._flush()

    def alive(self) -> bool:
        """Tell whether anything came since the ping; while nothing is read, nobody can say no."""
        return self._heard or not self._link.reading

    def lost(self) -> None:
        """Give up a peer that shows no sign of life."""
        self._leave(ENDING, 1006, "no answer to a ping")
        self._link.close()

    def _flush(self) -> None:
        self._link.flush(b"".join(self._wire.data_to_send()))
