"""Connections from which no whole request has come: how many one address may have.

Each of them may take its time, so without a limit one address could hold as many as the process has file descriptors.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import ClassVar

from csms.serve.trusted_proxies import TrustedProxies
from csms.source_address import counted_as

# An address that goes on and on is told of once in this time.
TELL_SECONDS = 60.0

logger = logging.getLogger(__name__)


class Unfinished:
    """The unfinished connections of one server by address; those of trusted proxies are not counted."""

    # Connections that this process has refused so far.
    refused: ClassVar[int] = 0

    def __init__(self, most: int, proxies: TrustedProxies, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._proxies = proxies
        self._clock = clock
        self._numbers: Counter[str] = Counter()
        self._told: dict[str, float] = {}

    def place(self, peer: str, *, taken: bool = False) -> Place:
        """Return the place for a connection from `peer`; `taken` if it has been taken already, by its TLS handshake."""
        counted = self._most and peer not in self._proxies
        return Place(self, counted_as(peer) if counted else None, taken)

    def full(self, address: str) -> bool:
        """Return whether an address may have no more, in which case one is refused."""
        if self._numbers[address] < self._most:
            return False
        Unfinished.refused += 1
        self._tell(address)
        return True

    def _tell(self, address: str) -> None:
        now = self._clock()
        if now - self._told.get(address, -TELL_SECONDS) >= TELL_SECONDS:
            self._told = {one: at for one, at in self._told.items() if now - at < TELL_SECONDS} | {address: now}
            logger.warning("refused: %s has %d connections without a request", address, self._most)

    def count(self, address: str, more: int) -> None:
        """Count one more of an address, or one less."""
        self._numbers[address] += more
        if not self._numbers[address]:
            del self._numbers[address]


class Place:
    """What one connection takes up while it is unfinished."""

    __slots__ = ("_address", "_all", "_taken")

    def __init__(self, everybody: Unfinished, address: str | None, taken: bool) -> None:
        self._all = everybody
        self._address = address
        self._taken = taken

    def take(self) -> bool:
        """Take it, if its address may have one more; return whether it may."""
        if self._address is not None and self._all.full(self._address):
            return False
        self.take_again()
        return True

    def take_again(self) -> None:
        """Take it for the next request of a connection that was let in."""
        if not self._taken and self._address is not None:
            self._taken = True
            self._all.count(self._address, 1)

    def leave(self) -> None:
        """Note that the request has come, or that the connection is gone."""
        if self._taken and self._address is not None:
            self._taken = False
            self._all.count(self._address, -1)
