"""The ports of this server: opened first, so that a taken one is found before anything else happens."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from csms.serve.options import Limits, Options
from csms.serve.tls_context import TlsContexts
from csms.serve.tls_door import TlsDoor
from csms.serve.unfinished import Unfinished

logger = logging.getLogger(__name__)

BACKLOG = 2048  # connections waiting to be accepted: a whole site may reconnect at once


class CannotListen(Exception):
    """The address cannot be listened on; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Doors:
    """The listening sockets: without TLS, with it, or both."""

    plain: socket.socket | None
    secure: socket.socket | None = None
    contexts: TlsContexts | None = None

    def urls(self) -> list[str]:
        """Return the addresses to connect to."""
        plain = [_url("http", self.plain)] if self.plain is not None else []
        return plain + ([_url("https", self.secure)] if self.secure is not None else [])

    def all_plain(self) -> list[socket.socket]:
        """Return the socket without TLS, if there is one."""
        return [] if self.plain is None else [self.plain]

    def reload_on_hangup(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have SIGHUP read the certificates again, instead of ending the process."""
        loop.add_signal_handler(signal.SIGHUP, self._reload)

    def _reload(self) -> None:
        if self.contexts is not None:
            logger.info("SIGHUP: the next connection has the certificates read again")
            self.contexts.reload()

    def open_secure(
        self, limits: Limits, unfinished: Unfinished, make: Callable[[], asyncio.Protocol]
    ) -> TlsDoor | None:
        """Begin to accept TLS connections, each for a protocol that `make` returns."""
        if self.secure is None or self.contexts is None:
            return None
        door = TlsDoor(self.secure, self.contexts, limits, unfinished, make)
        door.open()
        return door


@contextmanager
def open_doors(options: Options) -> Iterator[Doors]:
    """Listen where the options say; raises CannotListen, or BadCertificate."""
    tls = options.tls
    contexts = TlsContexts(tls.files, tls.authorities) if tls is not None else None
    plain = listen(options.host, options.port) if tls is None or tls.plain else None
    try:
        secure = listen(options.host, tls.port, "TLS_PORT") if tls is not None else None
        try:
            yield Doors(plain, secure, contexts)
        finally:
            if secure is not None:
                secure.close()
    finally:
        if plain is not None:
            plain.close()


def listen(host: str, port: int, setting: str = "HTTP_PORT") -> socket.socket:
    """Return a socket that listens on the first address `host` stands for; raises CannotListen."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, address = found[0]
        return socket.create_server(
            address[:2],
            family=family,
            backlog=BACKLOG,
            dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6(),
        )
    except OSError as error:
        raise CannotListen(_explain(host, port, error, setting)) from None


def _explain(host: str, port: int, error: OSError, setting: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is taken by another program: stop it, or choose another with {setting}"
    if error.errno == errno.EACCES:
        return f"port {port} needs more rights than this user has: choose one above 1023 with {setting}"
    return f"cannot listen on {host} port {port}: {error.strerror or error}; HTTP_HOST and {setting} choose it"


def _url(scheme: str, listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
