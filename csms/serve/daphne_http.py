"""Daphne's HTTP, for which a request must arrive in time."""

# ruff: noqa: N802, N815  the names of methods and attributes are Twisted's

from __future__ import annotations

from typing import Any

from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.server import twisted_loop
from twisted.internet.protocol import connectionDone
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from twisted.web import http

from csms.serve.deadline import RequestDeadline
from csms.serve.twisted_tls import TlsTransport
from csms.serve.unfinished import Place


class DaphneHttp(http.HTTPChannel):
    """One HTTP connection."""

    requestFactory = WebRequest
    factory: DaphneHttpFactory
    place: Place
    transport: Connection | TlsTransport  # type: ignore[assignment]  # we serve nothing but TCP

    def connectionMade(self) -> None:
        super().connectionMade()
        server = self.factory.server
        server.open.add(self)
        self.deadline = RequestDeadline(twisted_loop, server.options.limits, self._refuse)

    def dataReceived(self, data: bytes) -> None:
        self.deadline.received(len(data))
        if not self.transport.disconnecting:
            super().dataReceived(data)

    def headerReceived(self, line: bytes) -> bool:
        # Daphne would let any client set the application's root path with it.
        if line[:17].lower() == b"daphne-root-path:":
            return True
        return super().headerReceived(line)

    def allContentReceived(self) -> None:
        self.deadline.complete()
        self.place.leave()
        super().allContentReceived()
        if getattr(self.transport, "protocol", None) is not self:  # upgraded: it is a WebSocket's connection now
            self.factory.server.open.discard(self)

    def requestDone(self, request: Any) -> None:
        self.deadline.begin()
        self.place.take_again()
        super().requestDone(request)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.deadline.complete()
        self.place.leave()
        self.factory.server.open.discard(self)
        super().connectionLost(reason)

    def shutdown(self) -> None:
        """Close after the request that is being answered."""
        self.persistent = 0
        if not self._handlingRequest:
            self.loseConnection()

    def _refuse(self, answer: bytes) -> None:
        if not self._handlingRequest:
            self.transport.write(answer)
            self.loseConnection()


class DaphneHttpFactory(HTTPFactory):
    """Makes the HTTP connections; HTTP/2 is left to the proxy in front."""

    protocol = DaphneHttp

    def __init__(self, server: Any) -> None:
        super().__init__(server)
        self.timeOut = None  # `RequestDeadline` is stricter

    def buildProtocol(self, addr: Any) -> DaphneHttp | None:
        """Return the protocol of a new connection without TLS, or have it closed at once."""
        place = self.server.unfinished.place(addr.host)
        return self._on(addr, place) if place.take() else None

    def over_tls(self, addr: Any) -> DaphneHttp:
        """Return the protocol of a connection with TLS, which has a place from its handshake on."""
        return self._on(addr, self.server.unfinished.place(addr.host, taken=True))

    def _on(self, addr: Any, place: Place) -> DaphneHttp:
        protocol: DaphneHttp = super().buildProtocol(addr)
        protocol.place = place
        return protocol
