"""What is set aside together: events of one outbox, few enough for one transaction, and nothing of somebody else's."""

from __future__ import annotations

import time
from typing import Any

from bson import ObjectId

from events.drain import OutboxDrain, Sent
from events.refusals import PAUSE_SECONDS, TRIES, Refusals


def outbox() -> OutboxDrain:
    """Return an outbox that nobody reads."""
    database: Any = None
    return OutboxDrain(database)


def given_up(refusals: Refusals, drain: OutboxDrain, count: int, size: int = 10) -> list[Sent]:
    """Refuse events until they are given up."""
    events = [
        Sent(drain, ObjectId(), {"event_id": f"{id(drain)}-{n}", "topic": "t", "payload": b"x" * size})
        for n in range(count)
    ]
    for sent in events:
        for _ in range(TRIES):
            refusals.refused(sent, "no")
    return events


def test_one_transaction_moves_200_events_at_most() -> None:
    refusals = Refusals()
    events = given_up(refusals, outbox(), 450)
    moved = []
    while chosen := refusals.given_up():
        moved.append(len(chosen))
        refusals.settled(chosen)
    assert moved == [200, 200, 50]
    assert len(events) == sum(moved)


def test_one_transaction_moves_four_megabytes_or_one_event() -> None:
    refusals = Refusals()
    drain = outbox()
    given_up(refusals, drain, 5, size=1_500_000)
    assert len(refusals.given_up()) == 2
    refusals.forget_all_but([])
    given_up(refusals, drain, 2, size=9_000_000)
    assert len(refusals.given_up()) == 1


def test_outboxes_are_not_mixed() -> None:
    refusals = Refusals()
    first, second = outbox(), outbox()
    mine, others = given_up(refusals, first, 3), given_up(refusals, second, 2)
    assert refusals.given_up() == mine
    refusals.settled(mine)
    assert refusals.given_up() == others
    assert [(one.reason, one.tries) for one in map(refusals.refusal, others)] == [("no", TRIES)] * 2


def test_what_is_no_longer_ours_is_forgotten() -> None:
    refusals = Refusals()
    mine, lost = outbox(), outbox()
    given_up(refusals, lost, 2)
    kept = given_up(refusals, mine, 2)
    refusals.forget_all_but([mine])
    assert refusals.given_up() == kept


def test_one_that_is_taken_begins_anew() -> None:
    refusals = Refusals()
    sent = Sent(outbox(), ObjectId(), {"event_id": "e", "topic": "t", "payload": b""})
    for _ in range(TRIES):
        refusals.refused(sent, "no")
        refusals.taken(sent)
    assert refusals.given_up() == []


def test_what_cannot_be_set_aside_is_offered_again() -> None:
    refusals = Refusals()
    events = given_up(refusals, outbox(), 2)
    refusals.connection_lost()  # and with it the tries before
    refusals.put_off(events)
    assert refusals.given_up() == []
    assert refusals.take_due(time.monotonic()) == []
    assert refusals.take_due(time.monotonic() + PAUSE_SECONDS) == events
