"""What the broker did not take: tried a few times more, then given up, so that it holds up nothing else."""

from __future__ import annotations

import time
from collections import Counter

import structlog

from events.drain import OutboxDrain, Sent
from events.undelivered import Refused

log = structlog.get_logger(__name__)

# How often an event is offered before it is set aside, and how long after a refusal it is offered again.
TRIES = 3
PAUSE_SECONDS = 1.0


class Refusals:
    """Counts the refusals of each event, until it is taken or given up."""

    def __init__(self) -> None:
        self._strikes: Counter[str] = Counter()
        self._again: list[tuple[float, Sent]] = []
        self._given_up: list[tuple[Sent, str, int]] = []

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
        self._given_up.append((sent, reason, self._strikes.pop(sent.event_id)))
        return True

    def taken(self, sent: Sent) -> None:
        """Forget the refusals of an event that was taken after all."""
        if self._strikes:
            self._strikes.pop(sent.event_id, None)

    def take_due(self) -> list[Sent]:
        """Return the events that are to be offered again now."""
        now = time.monotonic()
        due = [sent for at, sent in self._again if at <= now]
        if due:
            self._again = [(at, sent) for at, sent in self._again if at > now]
        return due

    def connection_lost(self) -> None:
        """Offer nothing again by itself: the outbox is read anew."""
        self._again.clear()

    def given_up(self) -> dict[OutboxDrain, list[tuple[Sent, Refused]]]:
        """Return what is to be set aside, by the outbox it comes from."""
        found: dict[OutboxDrain, list[tuple[Sent, Refused]]] = {}
        for sent, reason, tries in self._given_up:
            found.setdefault(sent.drain, []).append((sent, Refused(sent.row_id, sent.event, reason, tries)))
        return found

    def settled(self, drain: OutboxDrain) -> None:
        """Note that what was given up of an outbox is set aside."""
        self._given_up = [one for one in self._given_up if one[0].drain is not drain]
