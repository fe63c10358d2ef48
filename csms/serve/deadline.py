"""Closing HTTP connections whose request does not arrive, or does not end: slow-loris, scanners, dead peers.

Neither server does this: Daphne starts its time-out again with every byte, Uvicorn has none for a request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from csms.serve.options import Limits

# A request that comes in at this rate may take as long as it needs.
BYTES_PER_SECOND = 16 * 1024

TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class RequestDeadline:
    """Calls `refuse` with an answer when a request takes longer, or is larger, than the limits allow.

    The time runs from the beginning of the connection, then from the first byte after `complete`.
    """

    __slots__ = ("_begun", "_bytes", "_limits", "_loop", "_refuse", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: Limits, refuse: Callable[[bytes], None]) -> None:
        self._loop = loop
        self._limits = limits
        self._refuse = refuse
        self._timer: asyncio.TimerHandle | None = None
        self.begin()

    def begin(self) -> None:
        """Start the time for the next request."""
        self.complete()
        self._begun = self._loop.time()
        self._bytes = 0
        self._timer = self._loop.call_at(self._begun + self._limits.request, self._check)

    def received(self, count: int) -> None:
        """Count the bytes that came."""
        if self._timer is None:
            self.begin()
        self._bytes += count
        if self._bytes > self._limits.request_bytes:
            self.complete()
            self._refuse(TOO_LARGE)

    def complete(self) -> None:
        """Note that the request has arrived, or that there will be none."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        deadline = self._begun + self._limits.request + self._bytes // BYTES_PER_SECOND
        if deadline > self._loop.time():
            self._timer = self._loop.call_at(deadline, self._check)
        else:
            self._timer = None
            self._refuse(TOO_SLOW)
