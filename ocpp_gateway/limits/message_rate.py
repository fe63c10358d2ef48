"""How fast messages are taken: whoever sends faster is read more slowly, and nothing is dropped."""

from __future__ import annotations

BURST_SECONDS = 5.0


class MessageRate:
    """A bucket of messages that refills evenly; one float of state, no timer.

    It keeps the time at which the bucket would be full again. The burst is what comes in in five seconds, so that a
    station can hand over what it has queued while it was offline.
    """

    __slots__ = ("_per_message", "_full_at")

    def __init__(self, per_second: float) -> None:
        self._per_message = 1.0 / per_second
        self._full_at = 0.0

    def take(self, now: float) -> float:
        """Take one message at the monotonic time `now`; return how many seconds to wait before the next is read."""
        full_at = max(now, self._full_at) + self._per_message
        self._full_at = full_at
        return full_at - now - BURST_SECONDS if full_at - now > BURST_SECONDS else 0.0

    def try_take(self, now: float) -> bool:
        """Take one message if the bucket has one; return whether it had."""
        if self._full_at - now > BURST_SECONDS:
            return False
        self.take(now)
        return True
