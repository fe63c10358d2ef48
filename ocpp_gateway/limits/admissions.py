"""How many stations may come in at once: the others are told when to come again, instead of waiting in vain."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings

from ocpp_gateway.handshake import Refusal
from ocpp_gateway.limits.message_rate import MessageRate

# Those who are sent away come back spread over this time, not all at once again (seconds).
SOONEST, LATEST = 5, 30


class Admissions:
    """The door of one process."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, dice: random.Random | None = None) -> None:
        self._clock = clock
        self._dice = dice or random.Random()  # noqa: S311  spreads load, guards nothing
        self._at_once: int = settings.OCPP_HANDSHAKES_AT_ONCE
        per_second: int = settings.OCPP_CONNECTS_PER_SECOND
        self._rate = MessageRate(per_second) if per_second else None
        # Handshakes under way, all and by address.
        self._all = 0
        self._knocking: Counter[str] = Counter()

    @contextmanager
    def handshake(self, address: str) -> Iterator[None]:
        """Hold one of the places for handshakes under way; one address gets half of them at most.

        Raises:
            Refusal: 503, all are taken.
        """
        if self._at_once and max(self._all, 2 * self._knocking[address]) >= self._at_once:
            raise self._later("too many stations connect at this moment")
        self._all += 1
        self._knocking[address] += 1
        try:
            yield
        finally:
            self._all -= 1
            self._knocking[address] -= 1
            if not self._knocking[address]:
                del self._knocking[address]

    def admit(self) -> None:
        """Count a station that has logged in.

        Raises:
            Refusal: 503, more come than are to be taken per second.
        """
        if self._rate is not None and not self._rate.try_take(self._clock()):
            raise self._later("too many stations have connected within seconds")

    def _later(self, text: str) -> Refusal:
        seconds = self._dice.randint(SOONEST, LATEST)
        return Refusal(503, f"{text}: try again in {seconds} s", [(b"retry-after", b"%d" % seconds)])
