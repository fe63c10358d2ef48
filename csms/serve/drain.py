"""From SIGTERM to the end of the process."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Protocol

from csms import lifecycle
from csms.serve.options import Options

logger = logging.getLogger(__name__)


class Connection(Protocol):
    """A connection of either server."""

    def shutdown(self) -> None:
        """Finish what is being answered, take nothing new, close."""


class Drain:
    """Ends the process in order at the first SIGTERM or SIGINT, and at once at the second.

    In order: nothing new is accepted, the shutdown hooks run while sockets and HTTP requests go on, then `end`
    closes the connections and stops the server. The exit code is 0, or 1 when time ran out.
    """

    def __init__(
        self, options: Options, stop_accepting: Callable[[], None], end: Callable[[], Awaitable[None]]
    ) -> None:
        self._options = options
        self._stop_accepting = stop_accepting
        self._end = end
        self._begun = False

    def install(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take over the signals."""
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)

    def _on_signal(self, number: signal.Signals) -> None:
        if self._begun:
            logger.warning("%s again: stopping at once", number.name)
            _exit(128 + number)
        self._begun = True
        logger.info("%s: stopping; a second one stops at once", number.name)
        # A thread, because the event loop may be the very thing that does not come to an end.
        watchdog = threading.Timer(self._options.exit, self._give_up)
        watchdog.daemon = True
        watchdog.start()
        lifecycle.background(self._run(), "shutdown")

    async def _run(self) -> None:
        self._stop_accepting()
        await lifecycle.shut_down(self._options.drain)
        await self._end()

    def _give_up(self) -> None:
        logger.error("not stopped within %.1f s: ending anyway", self._options.exit)
        _exit(1)


async def close_connections(connections: Collection[Connection], tasks: Collection[Any], seconds: float) -> None:
    """Shut down `connections` and wait until they and the applications' `tasks` are gone, `seconds` at most."""
    for connection in list(connections):
        connection.shutdown()
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds
    while (connections or tasks) and clock() < deadline:  # noqa: ASYNC110  no server tells when they are gone
        await asyncio.sleep(0.02)


def _exit(code: int) -> None:
    logging.shutdown()
    os._exit(code)
