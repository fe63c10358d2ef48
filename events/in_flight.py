"""The messages that were handed over to one MQTT session: which wait, which are under way, and how many may be.

Usually as many are under way as the broker takes at a time. After a session that was cut off again and again they go
one by one, because that alone tells which message it is that the broker breaks off at.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

# What MQTT allows to be under way where the broker names no number of its own.
MOST = 65535
# A session that was cut off this soon after its begin may have been cut off for a message of ours.
SOON_SECONDS = 5.0
# After so many of them in a row, messages go one by one.
_CUT_OFF_BEFORE_CARE = 2


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be published; `ticket` is how its fate is told."""

    ticket: int
    topic: str
    payload: bytes
    retain: bool


class InFlight:
    """The messages of one session after another. `send` hands one to the MQTT client and returns its packet id."""

    def __init__(self) -> None:
        self.limit = MOST
        self._waiting: deque[Message] = deque()
        # In the order in which they were sent, which is that of the tickets: packet id -> ticket and when.
        self._sent: dict[int, tuple[int, float]] = {}
        self._newest_answered = 0
        self._one_by_one = 0
        self._cut_off = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._sent)

    @property
    def has_room(self) -> bool:
        """Whether one more may be sent now."""
        return len(self._sent) < (1 if self._one_by_one else self.limit)

    def add(self, message: Message) -> None:
        """Take a message that is sent as soon as there is room."""
        self._waiting.append(message)

    def send(self, publish: Callable[[Message], int]) -> None:
        """Send what has room."""
        while self._waiting and self.has_room:
            message = self._waiting.popleft()
            self._sent[publish(message)] = (message.ticket, time.monotonic())

    def settle(self, packet_id: int) -> int | None:
        """Return the ticket of a message the broker has answered; None if it is none of ours any more."""
        ticket, _ = self._sent.pop(packet_id, (None, 0.0))
        if ticket is not None:
            self._newest_answered = max(self._newest_answered, ticket)
            if self._one_by_one:
                self._one_by_one -= 1
        return ticket

    def passed_over(self, before: float) -> list[int]:
        """Return the tickets of messages sent before this monotonic time that newer ones have overtaken.

        They are taken for answered: a broker acknowledges in the order in which it was sent to (MQTT 3.1.1 §4.6), so
        one that has gone on to newer messages will not answer these.
        """
        overdue = []
        for packet_id, (ticket, sent_at) in self._sent.items():
            if sent_at >= before or ticket > self._newest_answered:
                break
            overdue.append((packet_id, ticket))
        for packet_id, _ in overdue:
            self.settle(packet_id)
        return [ticket for _, ticket in overdue]

    def cut_off(self, lived: float) -> int | None:
        """Note that the session was cut off after so many seconds; return the ticket of the only message under way.

        None if messages do not go one by one. What was under way is forgotten: the caller hands it over again.
        """
        alone = next(iter(self._sent.values()))[0] if self._one_by_one and len(self._sent) == 1 else None
        if self._sent:
            self._cut_off = self._cut_off + 1 if lived < SOON_SECONDS else 1
            if alone is not None or self._cut_off >= _CUT_OFF_BEFORE_CARE:
                self._one_by_one = len(self)
        self.forget()
        return alone

    def forget(self) -> None:
        """Forget what was under way; the caller hands it over again."""
        self._waiting.clear()
        self._sent.clear()
        self.limit = MOST

    def trust(self) -> None:
        """Send as many at a time as the broker takes again."""
        self._one_by_one = self._cut_off = 0
