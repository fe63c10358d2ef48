"""A Twisted connection that an asyncio protocol can be put on."""

# ruff: noqa: N802  the names of the mount's methods are Twisted's

from __future__ import annotations

import asyncio
from typing import Any

from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure

from csms.serve.twisted_tls import TlsTransport
from csms.serve.websocket import WebSocket


class TwistedMount(Protocol):
    """Drives a WebSocket with the events of a Twisted connection."""

    transport: Connection | TlsTransport  # type: ignore[assignment]  # we serve nothing but TCP

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self.dataReceived = websocket.data_received  # type: ignore[method-assign]

    def connectionMade(self) -> None:
        if isinstance(self.transport, TlsTransport):
            below = self.transport.asyncio
            below.set_protocol(self._websocket)  # from now on without Twisted
            self._websocket.connection_made(below)
            return
        self.transport.unregisterProducer()  # the HTTP channel that had the connection before
        self.transport.registerProducer(self, True)
        self._websocket.connection_made(TwistedTransport(self.transport))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._websocket.connection_lost(None)

    def pauseProducing(self) -> None:
        self._websocket.pause_writing()

    def resumeProducing(self) -> None:
        self._websocket.resume_writing()

    def stopProducing(self) -> None:
        """Do nothing: `connectionLost` follows."""


class TwistedTransport(asyncio.Transport):
    """The part of an asyncio transport that a WebSocket uses."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "peername":
            return _pair(self._connection.getPeer())
        if name == "sockname":
            return _pair(self._connection.getHost())
        return default

    def is_closing(self) -> bool:
        return bool(self._connection.disconnecting or not self._connection.connected)

    def write(self, data: Any) -> None:
        """Send at once what the kernel takes: Twisted alone would wait for the next turn of the loop."""
        connection = self._connection
        if connection.connected and not (
            connection.dataBuffer or connection._tempDataBuffer or connection.disconnecting
        ):
            sent = connection.writeSomeData(data)
            if sent == len(data):
                return
            if isinstance(sent, int):
                data = data[sent:]
        connection.write(data)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self._connection.loseWriteConnection()

    def pause_reading(self) -> None:
        self._connection.pauseProducing()

    def resume_reading(self) -> None:
        self._connection.resumeProducing()

    def close(self) -> None:
        self._connection.unregisterProducer()  # or a paused producer would keep the connection open
        self._connection.loseConnection()

    def abort(self) -> None:
        self._connection.abortConnection()


def _pair(address: Any) -> tuple[str, int] | None:
    return (address.host, address.port) if hasattr(address, "port") else None
