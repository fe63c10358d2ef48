"""What the broker did not take: tried a few times more, then given up, so that it holds up nothing else."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import structlog

from events.drain import OutboxDrain, Sent
from events.undelivered import Refused

log = structlog.get_logger(__name__)

# How often an event is offered before it is set aside, and how long after a refusal it is offered again.
TRIES = 3
PAUSE_SECONDS = 1.0
# What one transaction moves, at most: it has to end before the publisher's patience with MongoDB does.
_AT_ONCE, _BYTES_AT_ONCE = 200, 4_000_000


class Refusals:
    """Counts the refusals of each event, until it is taken or given up."""

    def __init__(self) -> None:
        self._strikes: Counter[str] = Counter()
        self._again: list[tuple[float, Sent]] = []
        # With the reason, and after how many tries.
        self._given_up: dict[Sent, tuple[str, int]] = {}

    def refused(self, sent: Sent, reason: str) -> None:
        """Note that the broker has refused an event; it is to be offered again after a pause, or given up."""
        if not self._strike(sent, reason):
            self._again.append((time.monotonic() + PAUSE_SECONDS, sent))

    def cut_off(self, sent: Sent, reason: str) -> None:
        """Note that the connection was cut off at an event; it is offered again with all that was under way."""
        self._strike(sent, f"the connection is cut off at it: {reason}")

    def _strike(self, sent: Sent, reason: str) -> bool:
        """Return whether this was the last try."""
        self._strikes[sent.event_id] += 1
        log.info("event_refused", topic=sent.event["topic"], reason=reason, tries=self._strikes[sent.event_id])
        if self._strikes[sent.event_id] < TRIES:
            return False
        self._given_up[sent] = (reason, self._strikes.pop(sent.event_id))
        return True

    def taken(self, sent: Sent) -> None:
        """Forget the refusals of an event that was taken after all."""
        if self._strikes:
            self._strikes.pop(sent.event_id, None)

    def take_due(self, now: float) -> list[Sent]:
        """Return the events that are to be offered again at this monotonic time."""
        due = [sent for at, sent in self._again if at <= now]
        if due:
            self._again = [(at, sent) for at, sent in self._again if at > now]
        return due

    def connection_lost(self) -> None:
        """Offer nothing again by itself: the outbox is read anew."""
        self._again.clear()

    def given_up(self) -> list[Sent]:
        """Return what is to be set aside next: events of one outbox, no more than one transaction should move."""
        if not self._given_up:
            return []
        drain, size = next(iter(self._given_up)).drain, 0
        chosen: list[Sent] = []
        for sent in self._given_up:
            size += len(sent.event["payload"])
            if chosen and (len(chosen) == _AT_ONCE or size > _BYTES_AT_ONCE):
                break
            if sent.drain is drain:
                chosen.append(sent)
        return chosen

    def refusal(self, sent: Sent) -> Refused:
        """Return an event that was given up as it is to be stored."""
        return Refused(sent.row_id, sent.event, *self._given_up[sent])

    def settled(self, given_up: Iterable[Sent]) -> None:
        """Note that these are set aside, or need not be."""
        for sent in given_up:
            self._given_up.pop(sent, None)

    def put_off(self, given_up: Sequence[Sent]) -> None:
        """Offer events again, after a pause, that could not be set aside."""
        self.settled(given_up)
        self._again += [(time.monotonic() + PAUSE_SECONDS, sent) for sent in given_up]

    def forget_all_but(self, drains: Collection[OutboxDrain]) -> None:
        """Forget the events of outboxes that somebody else sends from now on, or nobody."""
        self.settled([sent for sent in self._given_up if sent.drain not in drains])
        self._again = [(at, sent) for at, sent in self._again if sent.drain in drains]
