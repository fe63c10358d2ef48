"""Serving on Uvicorn: uvloop, httptools, and our WebSocket in place of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import Server, ServerState

from csms.serve.deadline import RequestDeadline
from csms.serve.doors import Doors
from csms.serve.drain import Drain, close_connections
from csms.serve.options import Options
from csms.serve.tls_door import TlsDoor
from csms.serve.websocket import Application, WebSocket


def serve(application: Application, options: Options, doors: Doors, ready: Callable[[], None]) -> None:
    """Serve until a signal ends the process; `ready` is called when signals and connections are attended to."""
    # Below that it tells of every port scanner and every refused byte.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    UvicornServer(UvicornConfig(application, options), doors, ready).run(sockets=doors.all_plain())


class UvicornConfig(Config):
    """Uvicorn's configuration, with our options for the protocols that it makes."""

    def __init__(self, application: Application, options: Options) -> None:
        super().__init__(
            application,
            loop="uvloop",
            http=UvicornHttp,
            ws=UvicornWebSocket,
            interface="asgi3",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # see csms.serve.start
            server_header=False,
            timeout_keep_alive=int(options.limits.request),
        )
        self.options = options
        self.unfinished = options.unfinished()


class UvicornServer(Server):
    """Uvicorn's server, which ends the way `Drain` says."""

    config: UvicornConfig

    def __init__(self, config: UvicornConfig, doors: Doors, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._doors = doors
        self._door: TlsDoor | None = None
        self.servers = []  # Uvicorn sets it only as it starts; a signal may come before
        self._ready = ready
        self._drain = Drain(config.options, self._stop_accepting, self._end)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `Drain`."""
        self._drain.install(asyncio.get_running_loop())
        self._doors.reload_on_hangup(asyncio.get_running_loop())
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections."""
        await super().startup(sockets)
        self._door = self._doors.open_secure(self.config.options.limits, self.config.unfinished, self._http)
        self._ready()

    def _http(self) -> UvicornHttp:
        return UvicornHttp(self.config, self.server_state, self.lifespan.state)

    def _stop_accepting(self) -> None:
        for server in self.servers:
            server.close()
        if self._door is not None:
            self._door.close()

    async def _end(self) -> None:
        state = self.server_state
        await close_connections(state.connections, state.tasks, self.config.options.close)
        self.force_exit = True  # the waiting is done
        self.should_exit = True


class UvicornWebSocket(WebSocket):
    """Our WebSocket, made the way Uvicorn makes its own."""

    __slots__ = ()

    def __init__(self, config: UvicornConfig, server_state: ServerState, app_state: dict[str, Any]) -> None:
        super().__init__(config.loaded_app, config.options.limits, server_state.connections, server_state.tasks)


class UvicornHttp(HttpToolsProtocol):
    """Uvicorn's HTTP, for which a request must arrive in time."""

    config: UvicornConfig

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.deadline = RequestDeadline(self.loop, self.config.options.limits, self._refuse)
        over_tls = self.scheme == "https"
        self.place = self.config.unfinished.place(self.client[0] if self.client else "", taken=over_tls)
        if not over_tls and not self.place.take():
            transport.abort()

    def data_received(self, data: bytes) -> None:
        self.deadline.received(len(data))
        if not self.transport.is_closing():
            super().data_received(data)

    def on_message_complete(self) -> None:
        self.deadline.complete()
        self.place.leave()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete:  # else another request has come meanwhile
            self.place.take_again()

    def connection_lost(self, exc: Exception | None) -> None:
        self.deadline.complete()
        self.place.leave()
        super().connection_lost(exc)

    def _refuse(self, answer: bytes) -> None:
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(answer)
        self.transport.close()
