"""The TCP connection under a WebSocket: what may wait in it, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Link:
    """A transport with flow control in both directions and one timer."""

    __slots__ = ("_drained", "_loop", "_stall", "_stall_seconds", "_timer", "reading", "transport", "write")

    def __init__(self, transport: asyncio.Transport, stall_seconds: float) -> None:
        self.transport = transport
        self._loop = asyncio.get_running_loop()
        self._stall_seconds = stall_seconds
        self._drained: asyncio.Event | None = None  # exists while the peer reads too slowly
        self._stall: asyncio.TimerHandle | None = None  # likewise
        self._timer: asyncio.TimerHandle | None = None
        self.reading = True
        self.write = transport.write  # unchecked, for the many frames of an open socket

    def flush(self, data: bytes) -> None:
        """Send what is left to say, if it can still be said."""
        if data and not self.transport.is_closing():
            self.transport.write(data)

    def read(self, wanted: bool) -> None:
        """Read from the network, or leave to TCP to hold back the peer."""
        if wanted is not self.reading and not self.transport.is_closing():
            self.reading = wanted
            if wanted:
                self.transport.resume_reading()
            else:
                self.transport.pause_reading()

    # -- A slow reader -----------------------------------------------------------------------------

    @property
    def stalled(self) -> bool:
        """Tell whether more waits to be sent than should."""
        return self._drained is not None

    async def drained(self) -> None:
        """Return when there is room to send, or nothing to send any more."""
        if self._drained is not None:
            await self._drained.wait()

    def stall(self) -> None:
        """Note that the peer reads too slowly; if it stays so for too long, the connection is cut."""
        self._drained = asyncio.Event()
        self._stall = self._loop.call_later(self._stall_seconds, self.transport.abort)

    def unstall(self) -> None:
        """Note that there is room again."""
        if self._drained is not None and self._stall is not None:
            self._stall.cancel()
            self._drained.set()
            self._drained = self._stall = None

    def release(self) -> None:
        """Let go of whoever waits in `drained`: the WebSocket is over."""
        if self._drained is not None:
            self._drained.set()

    # -- Time and the end --------------------------------------------------------------------------

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Replace the timer."""
        self.no_timer()
        self._timer = self._loop.call_later(seconds, call)

    def abort_after(self, seconds: float) -> None:
        """Replace the timer by the end of the connection."""
        self.after(seconds, self.transport.abort)

    def no_timer(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def half_close(self) -> None:
        """Say that nothing more comes, and go on reading: a close would reset a connection the peer sends on."""
        if not self.transport.is_closing():
            if self.transport.can_write_eof():
                self.transport.write_eof()
            else:  # TLS, which says goodbye by itself and drops what still comes
                self.transport.close()

    def close(self) -> None:
        """Close when everything is sent."""
        self.transport.close()
