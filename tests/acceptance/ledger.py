"""What a station knows for certain: every CALL it sent, what became of it, and which charges really took place."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

Payload = dict[str, Any]
NO_ANSWER = 0  # in place of an HTTP status: nothing listens, or it said no HTTP


class Outcome(Enum):
    """What became of one CALL that was sent."""

    WAITING = "no answer yet, and the socket is open"
    ANSWERED = "a CALLRESULT with its id"
    REFUSED = "a CALLERROR with its id"
    CLOSED = "the socket closed first"
    IGNORED = "the socket stayed open and no answer came in time"


@dataclass(slots=True)
class Sent:
    """One CALL on the wire; a retry is another one."""

    action: str
    payload: Payload
    message_id: str
    connection: int
    outcome: Outcome = Outcome.WAITING
    answer: Any = None


@dataclass(slots=True)
class Reading:
    """A meter value: when, and what the register showed (Wh)."""

    moment: datetime
    register: int


@dataclass(slots=True)
class Charge:
    """One real charge. Times and numbers are the station's; the rest is what was acknowledged of it."""

    connector: int
    id_tag: str
    started: datetime
    meter_start: int
    # The id in each answer to its StartTransaction: a retry must get the first one again.
    transaction_ids: list[int] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    metered: int = 0  # readings taken, acknowledged or not
    readings: list[Reading] = field(default_factory=list)
    meter_stop: int = 0
    stopped: bool = False

    @property
    def transaction_id(self) -> int:
        """The id that its later messages carry; known once the start is acknowledged."""
        return self.transaction_ids[-1]

    @property
    def acknowledged(self) -> bool:
        return bool(self.transaction_ids)


@dataclass(slots=True)
class Ledger:
    """Everything one station has seen."""

    sent: list[Sent] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)
    # Frames that answer nothing: a second answer, or one with an id that was never used on this socket.
    strays: list[str] = field(default_factory=list)
    # Messages given up after too many CALLERRORs. What is in here is lost to the operator.
    discarded: list[Sent] = field(default_factory=list)
    # How the server closed our sockets; 1006 is without a word.
    close_codes: Counter[int] = field(default_factory=Counter)
    refused_upgrades: Counter[int] = field(default_factory=Counter)
    connections: int = 0

    def answered(self, action: str) -> list[Sent]:
        """Return the CALLs of this action that got a CALLRESULT."""
        return [one for one in self.sent if one.action == action and one.outcome is Outcome.ANSWERED]

    def count(self, action: str) -> int:
        """Return how often this action was sent."""
        return sum(one.action == action for one in self.sent)

    @property
    def completed(self) -> int:
        """How many charges were acknowledged to their end."""
        return sum(charge.stopped for charge in self.charges)

    def unanswered(self) -> list[Sent]:
        """Return CALLs without an answer on a socket that stayed open: there must be none."""
        return [one for one in self.sent if one.outcome in (Outcome.WAITING, Outcome.IGNORED)]
