"""Finding peers that are gone without saying so (half-open TCP)."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Peer(Protocol):
    """What is kept alive."""

    def ping(self) -> None: ...
    def alive(self) -> bool: ...
    def lost(self) -> None: ...


class Keepalive:
    """Pings every `interval` s and calls `lost` when the peer does not count as alive `timeout` s later."""

    __slots__ = ("_interval", "_loop", "_peer", "_timeout", "_timer")

    def __init__(self, peer: Peer, interval: float, timeout: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._peer = peer
        self._interval = interval
        self._timeout = timeout
        self._timer = self._loop.call_later(interval, self._ping)

    def stop(self) -> None:
        """Send no more pings."""
        self._timer.cancel()

    def _ping(self) -> None:
        self._peer.ping()
        self._timer = self._loop.call_later(self._timeout, self._check)

    def _check(self) -> None:
        if self._peer.alive():
            self._timer = self._loop.call_later(self._interval - self._timeout, self._ping)
        else:
            self._peer.lost()
