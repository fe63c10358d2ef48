"""The Channels consumer of a station's socket: bytes in, bytes out, nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog
from channels.consumer import AsyncConsumer
from django.conf import settings

from ocpp_gateway.connection import Connection
from ocpp_gateway.gateway import gateway
from ocpp_gateway.handshake import Refusal
from ocpp_gateway.opening import open_connection
from ocpp_gateway.protocol.versions import OcppVersion
from ocpp_gateway.tallies import REFUSALS

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

UNSUPPORTED_DATA, MESSAGE_TOO_BIG = 1003, 1009

log = structlog.get_logger(__name__)


class OcppConsumer(AsyncConsumer):
    """Runs one socket from handshake to close.

    The loop is our own: Channels' stock dispatch serves one message after another, so that a station's answer to us
    would wait behind its own request, and it closes old database connections per message, in a thread.
    """

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        here, socket = gateway(), _Socket(send)
        try:
            connection = await open_connection(here, scope, socket)
        except Refusal as refusal:
            log.info("refused", path=scope["path"], status=refusal.status, reason=str(refusal))
            await _refuse(scope, send, refusal)
            return
        reason = "left during the handshake"
        try:
            if await socket.accept(connection.version):
                reason = "error"
                reason = await _receive_all(connection, receive)
        finally:
            await here.closed(connection, reason)


class _Socket:
    """The sending half of a socket. A station that has gone is no error: the receiving half tells of it."""

    __slots__ = ("_send", "_accepted")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._accepted = False

    async def accept(self, version: OcppVersion) -> bool:
        """Complete the handshake; return whether the station was still there."""
        self._accepted = True
        try:
            await self._send({"type": "websocket.accept", "subprotocol": version.value})
        except OSError:
            return False
        return True

    async def send(self, text: str) -> None:
        with suppress(OSError):
            await self._send({"type": "websocket.send", "text": text})

    async def close(self, code: int, reason: str) -> None:
        if not self._accepted:
            return  # the handshake will be refused, with the status that says why
        with suppress(OSError):
            await self._send({"type": "websocket.close", "code": code, "reason": reason})


async def _receive_all(connection: Connection, receive: Receive) -> str:
    """Hand every frame to the connection until the socket closes; return why it closed."""
    while True:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            return f"closed with code {event.get('code', 1006)}"
        text = event.get("text")
        if text is None:
            await connection.close(UNSUPPORTED_DATA, "OCPP messages are text")
        elif len(text) > settings.OCPP_MAX_MESSAGE_BYTES:
            await connection.close(MESSAGE_TOO_BIG, "message too big")
        else:
            await connection.receive(text)


async def _refuse(scope: dict[str, Any], send: Send, refusal: Refusal) -> None:
    REFUSALS[refusal.status] += 1
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *refusal.headers]
    await send({"type": "websocket.http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": refusal.text.encode("utf-8")})
