"""Noticing that this process stood still: stopped, swapped out, or its machine suspended.

While it stood still its stations may have gone to other instances. So before it serves the next frame it asks the
database which of its sockets still own their stations.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from pymongo.errors import PyMongoError

from csms.errors import StorageUnavailable

BEAT_SECONDS = 1.0
# Less than the time after which others take an instance for dead (`redis_presence.LEASE_SECONDS`).
STALLED_SECONDS = 7.0

log = structlog.get_logger(__name__)


async def _nothing() -> None:
    return None


class Pulse:
    """Beats while the event loop turns; `check` is what has to be asked after a standstill."""

    def __init__(self, check: Callable[[], Awaitable[None]] = _nothing) -> None:
        self.last_beat = time.monotonic()
        self._check = check
        self._recovering: asyncio.Lock | None = None

    async def beat(self) -> None:
        """Beat for ever."""
        while True:
            try:
                if time.monotonic() - self.last_beat > STALLED_SECONDS:
                    await self.recover()
                self.last_beat = time.monotonic()
            except (PyMongoError, StorageUnavailable) as error:
                log.warning("not_known_what_is_still_owned", error=str(error))  # asked again at the next beat
            await asyncio.sleep(BEAT_SECONDS)

    async def recover(self) -> None:
        """Return when it is known what this process still owns. Whoever comes while it is found out waits, too.

        Raises:
            pymongo.errors.PyMongoError: it cannot be found out now.
        """
        if self._recovering is None:
            self._recovering = asyncio.Lock()
        async with self._recovering:
            stood_still = time.monotonic() - self.last_beat
            if stood_still > STALLED_SECONDS:
                log.warning("stood_still", seconds=round(stood_still, 1))
                await self._check()
                self.last_beat = time.monotonic()
