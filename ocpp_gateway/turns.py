"""Which tenants are looked at now: those that concern this process often, the others once a minute.

A tenant concerns a process while it has a station here, and for a while after that or after anything else that may
leave something behind which becomes due (`touch`). What becomes due in any other tenant is seen ahead of its time, for
a look from afar asks what will be due within `AHEAD_SECONDS`, which is longer than it takes to the next one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from zlib import crc32

FAR_SECONDS = 60.0
AHEAD_SECONDS = 2 * FAR_SECONDS


@dataclass(frozen=True, slots=True)
class Turn:
    """A tenant whose turn it is, and whether it concerns this process."""

    slug: str
    near: bool


class Turns:
    """The turns of one process; `seed` sets them apart from those of other processes. Times are monotonic seconds."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._near_until: dict[str, float] = {}
        self._last: dict[str, int] = {}

    def touch(self, slug: str, now: float) -> None:
        """Look at a tenant often for as long as a look from afar might miss what becomes due in it."""
        self._near_until[slug] = now + AHEAD_SECONDS

    def touch_all(self) -> None:
        """Look at every tenant at the next opportunity."""
        self._last.clear()

    def due(self, slugs: Collection[str], here: Collection[str], now: float) -> list[Turn]:
        """Return whose turn it is of these tenants; those with a station here always."""
        for slug in here:
            self.touch(slug, now)
        self._forget_all_but(slugs)
        return [Turn(slug, near) for slug in slugs if (near := self._is_near(slug, now)) or self._is_due(slug, now)]

    def _is_near(self, slug: str, now: float) -> bool:
        return self._near_until.get(slug, now) > now

    def _is_due(self, slug: str, now: float) -> bool:
        # Spread over the minute by the name, so that there is never much to do at once.
        share = crc32(f"{self._seed}/{slug}".encode()) / 2**32
        turn = int(now / FAR_SECONDS + share)
        due = self._last.get(slug) != turn
        self._last[slug] = turn
        return due

    def _forget_all_but(self, slugs: Collection[str]) -> None:
        for gone in {*self._near_until, *self._last}.difference(slugs):
            self._near_until.pop(gone, None)
            self._last.pop(gone, None)
