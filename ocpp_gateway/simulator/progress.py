"""Shows what a fleet does: a line per event, and on a terminal a status line that is renewed every second."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, TextIO

from ocpp_gateway.simulator.clock import Clock

if TYPE_CHECKING:
    from ocpp_gateway.simulator.fleet import Fleet, Totals

# With more stations than this their single events say nothing; the status line does.
_MOST_STORYTELLERS = 20
_TERMINAL_INTERVAL = 1.0
_LOG_INTERVAL = 30.0
_CLEAR_LINE = "\r\x1b[K"


class Board:
    """Writes to `stream`; `stations` decides whether each event gets a line."""

    def __init__(self, clock: Clock, stations: int, stream: TextIO = sys.stdout) -> None:
        self._clock = clock
        self._stream = stream
        self._terminal = stream.isatty()
        self._tells_events = stations <= _MOST_STORYTELLERS

    def say(self, identity: str, text: str) -> None:
        """Show one station's event, with the station's own time."""
        if self._tells_events:
            self._line(f"{self._clock.now():%H:%M:%S}  {identity:<18} {text}")

    def announce(self, text: str) -> None:
        """Show something that concerns the whole fleet."""
        self._line(text)

    async def show(self, fleet: Fleet) -> None:
        """Renew the status line until cancelled."""
        interval = _TERMINAL_INTERVAL if self._terminal else _LOG_INTERVAL
        fast = not self._clock.caught_up
        while True:
            await asyncio.sleep(interval)
            if fast and self._clock.caught_up:
                fast = False
                self.announce("the simulated time has reached the present: going on at normal speed")
            self._status(describe(fleet.totals()))

    def close(self) -> None:
        """Remove the status line."""
        if self._terminal:
            self._write(_CLEAR_LINE)

    def _status(self, text: str) -> None:
        self._write(f"{_CLEAR_LINE}{text}" if self._terminal else f"{text}\n")

    def _line(self, text: str) -> None:
        self._write(f"{_CLEAR_LINE}{text}\n" if self._terminal else f"{text}\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def describe(totals: Totals) -> str:
    """Return the fleet's state in one line."""
    parts = [
        f"{totals.online}/{totals.stations} online",
        f"{totals.charging} charging {totals.power / 1000:.1f} kW",
        f"{totals.sessions} sessions {totals.energy / 1000:.1f} kWh",
        f"{totals.messages} messages",
    ]
    if totals.waiting:
        parts.append(f"{totals.waiting} waiting")
    if totals.errors:
        parts.append(f"{totals.errors} errors")
    return ", ".join(parts)
