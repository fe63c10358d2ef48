"""Accepting TLS connections: the handshake, then another protocol.

Servers leave that to asyncio, which tells nobody of handshakes that fail, and never looks at its settings again.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable

from csms.serve.options import Limits
from csms.serve.tls_context import TlsContexts
from csms.serve.unfinished import Place, Unfinished

logger = logging.getLogger(__name__)

# Between attempts to accept when the process, or the machine, has no room for another connection.
NO_ROOM_SECONDS = 0.5
# Under way at the same time; each ends within `Limits.request`. Those who come next wait in the kernel's queue.
MOST_HANDSHAKES = 2000


class TlsDoor:
    """Accepts what connects to `listener`, and has `make` return the protocol of each connection.

    From then on the place of a connection among the unfinished is its protocol's.
    """

    def __init__(
        self,
        listener: socket.socket,
        contexts: TlsContexts,
        limits: Limits,
        unfinished: Unfinished,
        make: Callable[[], asyncio.Protocol],
    ) -> None:
        self._listener = listener
        self._contexts = contexts
        self._limits = limits
        self._unfinished = unfinished
        self._make = make
        self._handshakes: set[asyncio.Task[None]] = set()
        self._accepting: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to accept connections."""
        self._listener.setblocking(False)
        self._accepting = asyncio.get_running_loop().create_task(self._accept_for_ever())

    def close(self) -> None:
        """Accept nothing more and give up handshakes: their clients have asked for nothing yet."""
        for task in (self._accepting, *self._handshakes):
            if task is not None:
                task.cancel()
        self._listener.close()

    async def _accept_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if len(self._handshakes) >= MOST_HANDSHAKES:
                await asyncio.wait(self._handshakes, return_when=asyncio.FIRST_COMPLETED)
            try:
                connection, address = await loop.sock_accept(self._listener)
            except ConnectionError:
                continue  # it left before its turn
            except OSError as error:
                logger.error("cannot accept a connection: %s", error.strerror)
                await asyncio.sleep(NO_ROOM_SECONDS)
                continue
            place = self._unfinished.place(str(address[0]))
            if place.take():
                task = loop.create_task(self._secure(connection, str(address[0]), place))
                self._handshakes.add(task)
                task.add_done_callback(self._handshakes.discard)
            else:
                connection.close()
            await asyncio.sleep(0)  # a burst of newcomers must not keep those waiting who are here

    async def _secure(self, connection: socket.socket, address: str, place: Place) -> None:
        connection.setblocking(False)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            context = await self._contexts.current()
            await asyncio.get_running_loop().connect_accepted_socket(
                self._make,
                connection,
                ssl=context,
                ssl_handshake_timeout=self._limits.request,
                ssl_shutdown_timeout=self._limits.close,
            )
        except OSError as error:
            logger.log(_level(error), "TLS refused to %s: %s", address, _reason(error))
            connection.close()
            place.leave()
        except BaseException:
            connection.close()
            place.leave()
            raise


def _level(error: Exception) -> int:
    """A certificate that is not accepted is somebody's station; the rest are port scanners and lost connections."""
    return logging.WARNING if isinstance(error, ssl.SSLCertVerificationError) else logging.INFO


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its client certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).lower().replace("_", " ")
    return str(error) or "the connection was lost"
