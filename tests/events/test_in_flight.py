"""How many messages are under way at a time, and which of them the broker has passed over."""

from __future__ import annotations

import itertools
import time

from events.in_flight import InFlight, Message


class Session:
    """A session with a broker whose packet ids are 101, 102, ..."""

    def __init__(self) -> None:
        self.in_flight = InFlight()
        self.sent: list[int] = []
        self._tickets = itertools.count(1)

    def hand_over(self, count: int) -> None:
        for _ in range(count):
            self.in_flight.add(Message(next(self._tickets), "t", b"", False))
        self.in_flight.send(self._publish)

    def answer(self, ticket: int) -> int | None:
        settled = self.in_flight.settle(100 + ticket)
        self.in_flight.send(self._publish)
        return settled

    def _publish(self, message: Message) -> int:
        self.sent.append(message.ticket)
        return 100 + message.ticket


def test_no_more_are_under_way_than_the_broker_takes() -> None:
    session = Session()
    session.in_flight.limit = 3
    session.hand_over(5)
    assert session.sent == [1, 2, 3]
    assert session.answer(1) == 1
    assert session.sent == [1, 2, 3, 4]
    assert len(session.in_flight) == 4


def test_an_answer_to_what_was_forgotten_is_no_answer() -> None:
    session = Session()
    session.hand_over(1)
    session.in_flight.forget()
    assert session.answer(1) is None


def test_a_slow_broker_passes_nothing_over() -> None:
    """It has acknowledged the oldest, and will the others: they are late, not passed over."""
    session = Session()
    session.hand_over(3)
    session.answer(1)
    assert session.in_flight.passed_over(time.monotonic()) == []


def test_what_newer_messages_have_overtaken_is_passed_over_after_a_while() -> None:
    session = Session()
    session.hand_over(2)
    before_the_third = time.monotonic()
    session.hand_over(2)
    session.answer(3)
    assert session.in_flight.passed_over(before_the_third - 1) == []
    assert session.in_flight.passed_over(time.monotonic()) == [1, 2]
    assert session.answer(2) is None, "it was taken for answered"
    assert session.answer(4) == 4


def test_after_two_short_sessions_messages_go_one_by_one() -> None:
    session = Session()
    for _ in range(2):
        session.hand_over(3)
        assert session.in_flight.cut_off(0.1) is None, "three were under way: it may have been any of them"
    session.sent.clear()
    session.hand_over(3)
    assert session.sent == [7]
    assert session.in_flight.cut_off(0.1) == 7


def test_a_session_that_lasted_is_no_reason_to_be_careful() -> None:
    session = Session()
    for _ in range(5):
        session.hand_over(3)
        assert session.in_flight.cut_off(60.0) is None
    session.sent.clear()
    session.hand_over(3)
    assert len(session.sent) == 3


def test_care_ends_with_what_had_been_under_way() -> None:
    session = Session()
    for _ in range(2):
        session.hand_over(3)
        session.in_flight.cut_off(0.1)
    session.sent.clear()
    session.hand_over(6)
    for ticket in (7, 8, 9):
        assert session.answer(ticket) == ticket
    assert session.sent == [7, 8, 9, 10, 11, 12]
