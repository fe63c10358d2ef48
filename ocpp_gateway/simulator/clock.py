"""The stations' time, which may run faster than ours but never ahead of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic

ONE_DAY = 86_400.0


class Clock:
    """Gives the time and waits for it; all seconds are simulated ones.

    A station must not report a time to come. So with a `speed` above 1 the clock begins `behind` seconds in
    the past, and once it has caught up with the present it goes on at the speed of ours.
    """

    def __init__(
        self, speed: float = 1.0, behind: float = ONE_DAY, *, monotonic: Callable[[], float] = monotonic
    ) -> None:
        if speed < 1:
            raise ValueError(f"speed {speed} is below 1: a simulated clock can run fast, not slow")
        self.speed = speed
        self._monotonic = monotonic
        self._begin = monotonic()
        self._lag = behind if speed > 1 else 0.0
        self._start = datetime.now(UTC) - timedelta(seconds=self._lag)
        # Real seconds until a fast clock meets the present.
        self._meeting = self._lag / (speed - 1) if speed > 1 else 0.0

    @property
    def caught_up(self) -> bool:
        """Tell whether the clock now runs at the speed of ours."""
        return self._monotonic() - self._begin >= self._meeting

    def now(self) -> datetime:
        """Return the simulated time, in UTC."""
        return self._start + timedelta(seconds=self._simulated(self._monotonic() - self._begin))

    def real(self, seconds: float) -> float:
        """Return how many real seconds pass while `seconds` simulated ones do, from now on."""
        elapsed = self._monotonic() - self._begin
        target = self._simulated(elapsed) + seconds
        fast = self._meeting * self.speed
        end = target / self.speed if target <= fast else self._meeting + target - fast
        return max(0.0, end - elapsed)

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds` of simulated time."""
        await asyncio.sleep(self.real(seconds))

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait for the event, at most `seconds` of simulated time, and tell whether it came."""
        try:
            async with asyncio.timeout(self.real(seconds)):
                await event.wait()
        except TimeoutError:
            return False
        return True

    def _simulated(self, elapsed: float) -> float:
        return min(elapsed, self._meeting) * self.speed + max(0.0, elapsed - self._meeting)
