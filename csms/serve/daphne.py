"""Serving on Daphne: its HTTP as it is, and our WebSocket in place of its own.

Importing this module installs the Twisted reactor, so nothing that imports `twisted.internet.reactor` may come
before it. The reactor runs on asyncio's own event loop: on uvloop it never hears of a connection that was reset.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from daphne.server import Server, twisted_loop
from twisted.internet import reactor as _reactor
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    STDLibLogObserver,
    globalLogBeginner,
)

from csms.serve.daphne_http import DaphneHttpFactory
from csms.serve.doors import Doors
from csms.serve.drain import Drain, close_connections
from csms.serve.options import Options
from csms.serve.tls_door import TlsDoor
from csms.serve.tls_memory import save_memory
from csms.serve.twisted_tls import AsyncioMount
from csms.serve.twisted_transport import TwistedMount
from csms.serve.websocket import Application, WebSocket

reactor: Any = _reactor  # a module that stands in for an object


def serve(application: Application, options: Options, doors: Doors, ready: Callable[[], None]) -> None:
    """Serve until a signal ends the process; `ready` is called when signals and connections are attended to."""
    DaphneServer(application, options).run_on(doors, ready)


class DaphneServer(Server):
    """Daphne's server, which ends the way `Drain` says."""

    def __init__(self, application: Application, options: Options) -> None:
        super().__init__(application, endpoints=["adopted"], verbosity=0, server_name="")
        self.options = options
        self.connections: dict[Any, dict[str, Any]] = {}  # HTTP requests; Daphne looks after them
        self.open: set[Any] = set()  # TCP connections, HTTP and WebSocket
        self.tasks: set[asyncio.Task[None]] = set()  # of WebSockets
        self.unfinished = options.unfinished()
        self.http_factory = DaphneHttpFactory(self)
        self.ws_factory = self  # Daphne asks it for a protocol at each upgrade
        self._drain = Drain(options, self._stop_accepting, self._end)

    def run_on(self, doors: Doors, ready: Callable[[], None]) -> None:
        """Serve what connects to the doors, until `Drain` stops the reactor."""
        _log_failures()
        asyncio.set_event_loop(twisted_loop)
        self._ports = [self._adopt(doors.plain)] if doors.plain is not None else []
        self._door: TlsDoor | None = None
        self._drain.install(twisted_loop)
        doors.reload_on_hangup(twisted_loop)
        reactor.callLater(1, self.application_checker)
        reactor.callWhenRunning(lambda: twisted_loop.create_task(self._begin(doors, ready)))
        reactor.run(installSignalHandlers=False)
        _cancel_tasks(twisted_loop)

    def buildProtocol(self, address: Any) -> TwistedMount:  # noqa: N802  Daphne calls it
        """Return the protocol that takes over a connection as a WebSocket."""
        return TwistedMount(WebSocket(self.application, self.options.limits, self.open, self.tasks))

    def _adopt(self, listener: socket.socket) -> Any:
        listener.setblocking(False)
        port = reactor.adoptStreamPort(listener.fileno(), listener.family, self.http_factory)
        listener.close()  # Twisted has its own copy
        return port

    async def _begin(self, doors: Doors, ready: Callable[[], None]) -> None:
        save_memory()
        self._door = doors.open_secure(self.options.limits, self.unfinished, self._http_over_tls)
        ready()

    def _http_over_tls(self) -> AsyncioMount:
        return AsyncioMount(self.http_factory.over_tls)

    def _stop_accepting(self) -> None:
        for port in self._ports:
            port.stopListening()
        if self._door is not None:
            self._door.close()

    async def _end(self) -> None:
        await close_connections(self.open, self.tasks, self.options.close)
        reactor.stop()


def _log_failures() -> None:
    """Log what fails inside Twisted, and not its remarks on each peer that comes and goes."""
    failures: Any = LogLevelFilterPredicate(defaultLogLevel=LogLevel.critical)
    python_logging: Any = STDLibLogObserver("twisted")
    observer: Any = FilteringLogObserver(python_logging, [failures])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)


def _cancel_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """End what still runs the way `asyncio.run` does."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks))
    loop.run_until_complete(loop.shutdown_default_executor())
