"""What a server is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass, field

from csms.serve.tls_context import Authorities, CertificateFiles
from csms.serve.trusted_proxies import TrustedProxies
from csms.serve.unfinished import Unfinished


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one connection may hold, and how long it may take. All times in seconds."""

    message_bytes: int = 1024 * 1024
    unread_messages: int = 4  # waiting for the application when reading stops
    fragments: int = 1024  # frames of one message
    early_bytes: int = 64 * 1024  # sent before the handshake is answered
    request_bytes: int = 32 * 1024 * 1024  # of one HTTP request
    unfinished_per_address: int = 1000  # connections without a whole request; 0: no limit

    ping_interval: float = 60.0  # 0: no pings
    request: float = 10.0  # for an HTTP request or a WebSocket handshake to arrive
    accept: float = 30.0  # for the application to accept or refuse a WebSocket
    close: float = 5.0  # for the peer to answer a close frame
    write: float = 60.0  # for a slow reader to take what is buffered for it
    orphan: float = 60.0  # for the application to finish after its socket is gone

    @property
    def pong_timeout(self) -> float:
        """How long after a ping something must have been heard from the peer."""
        return min(30.0, self.ping_interval)


@dataclass(frozen=True, slots=True)
class Tls:
    """A second port, with TLS.

    Attributes:
        plain: whether the port without TLS is served, too.
        authorities: who may issue certificates for clients; without it they are not asked for any.
    """

    port: int
    files: tuple[CertificateFiles, ...]
    plain: bool = True
    authorities: Authorities | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """Where to listen, whom to believe, how long the end may take (seconds)."""

    host: str
    port: int
    limits: Limits = field(default_factory=Limits)
    # Addresses and networks whose X-Forwarded-For and -Proto are believed.
    trusted_proxies: tuple[str, ...] = ()
    # The header in which these proxies hand on the certificate of their client; empty for none.
    certificate_header: str = ""
    tls: Tls | None = None
    drain: float = 25.0  # for the shutdown hooks
    close: float = 3.0  # for the connections after them
    exit: float = 29.5  # for everything, from the signal on

    def unfinished(self) -> Unfinished:
        """Return the count of unfinished connections of a server that begins."""
        return Unfinished(self.limits.unfinished_per_address, TrustedProxies(self.trusted_proxies))
