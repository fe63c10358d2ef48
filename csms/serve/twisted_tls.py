"""Daphne's HTTP on an asyncio transport, which has TLS under it: Twisted's own TLS would need other settings.

Daphne hands a connection that becomes a WebSocket to `TwistedMount`, which then goes on without Twisted.
"""

# ruff: noqa: N802  the names of methods and attributes are Twisted's

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, cast

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IPushProducer, ISSLTransport
from twisted.python.failure import Failure
from zope.interface import implementer


@implementer(ISSLTransport, IPushProducer)
class TlsTransport:
    """The part of a Twisted transport that HTTP uses."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.asyncio = transport
        self.protocol: Any = None
        self.disconnecting = False
        self._producer: Any = None
        self._pull = False

    def write(self, data: bytes) -> None:
        if not self.asyncio.is_closing():
            self.asyncio.write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        self.disconnecting = True
        self.asyncio.close()

    def abortConnection(self) -> None:
        self.disconnecting = True
        self.asyncio.abort()

    def getPeer(self) -> Any:
        return _address(self.asyncio.get_extra_info("peername"))

    def getHost(self) -> Any:
        return _address(self.asyncio.get_extra_info("sockname"))

    def getPeerCertificate(self) -> bytes | None:
        return cast("bytes | None", self.asyncio.get_extra_info("ssl_object").getpeercert(True))

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Do nothing: asyncio never delays."""

    # -- Flow control ------------------------------------------------------------------------------

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self._producer = producer

    def unregisterProducer(self) -> None:
        self._producer = None

    def pauseProducing(self) -> None:
        if not self.asyncio.is_closing():
            self.asyncio.pause_reading()

    def resumeProducing(self) -> None:
        if not self.asyncio.is_closing():
            self.asyncio.resume_reading()

    def stopProducing(self) -> None:
        self.loseConnection()

    def full(self) -> None:
        """Have whoever writes wait."""
        if self._producer is not None:
            self._producer.pauseProducing()

    def drained(self) -> None:
        """Have whoever writes go on."""
        if self._producer is not None:
            self._producer.resumeProducing()


class AsyncioMount(asyncio.Protocol):
    """Drives a Twisted protocol with the events of an asyncio transport."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        self._make = make
        self._transport: TlsTransport

    def connection_made(self, transport: Any) -> None:
        self._transport = TlsTransport(transport)
        self._transport.protocol = self._make(self._transport.getPeer())
        self._transport.protocol.makeConnection(self._transport)

    def data_received(self, data: bytes) -> None:
        self._transport.protocol.dataReceived(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport.protocol.connectionLost(Failure(ConnectionDone()))

    def pause_writing(self) -> None:
        self._transport.full()

    def resume_writing(self) -> None:
        self._transport.drained()


def _address(name: Any) -> IPv4Address | IPv6Address:
    host, port = name[:2]
    return (IPv6Address if ":" in host else IPv4Address)("TCP", host, port)
