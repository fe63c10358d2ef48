"""Whose turn it is: a tenant that concerns this process always, any other once a minute, and not all at once."""

from __future__ import annotations

from collections import Counter

from ocpp_gateway.turns import AHEAD_SECONDS, FAR_SECONDS, Turn, Turns

MANY = [f"tenant{number}" for number in range(1000)]
INTERVAL = 5
# Some time after the clock began, which monotonic clocks do anywhere.
START = 12_345


def test_at_first_all_are_looked_at() -> None:
    turns = Turns("one")
    assert turns.due(MANY, (), START) == [Turn(slug, near=False) for slug in MANY]
    assert turns.due(MANY, (), START) == []


def test_each_has_one_turn_a_minute_and_they_are_spread() -> None:
    turns = Turns("one")
    turns.due(MANY, (), START)
    looks = [turns.due(MANY, (), START + second) for second in range(INTERVAL, int(FAR_SECONDS) + INTERVAL, INTERVAL)]
    assert Counter(turn.slug for look in looks for turn in look) == Counter(MANY)
    assert max(len(look) for look in looks) < 2 * len(MANY) / len(looks)


def test_other_processes_look_at_other_times() -> None:
    first, second = Turns("one"), Turns("two")
    for turns in (first, second):
        turns.due(MANY, (), START)
    assert first.due(MANY, (), START + INTERVAL) != second.due(MANY, (), START + INTERVAL)


def test_who_is_here_has_every_turn_and_keeps_it_for_a_while() -> None:
    turns = Turns("one")
    near = [Turn("tenant1", near=True)]
    assert turns.due(["tenant1"], {"tenant1"}, START) == near
    assert turns.due(["tenant1"], {"tenant1"}, START + 1) == near
    assert turns.due(["tenant1"], (), START + AHEAD_SECONDS) == near
    assert turns.due(["tenant1"], (), START + 1 + AHEAD_SECONDS) == [Turn("tenant1", near=False)]


def test_what_is_seen_ahead_lasts_to_the_next_look_and_longer() -> None:
    """From afar nothing may become due between two looks without having been seen at the first."""
    assert AHEAD_SECONDS >= FAR_SECONDS + 60  # looks are late by the interval of housekeeping, a minute at most


def test_touching_one_or_all() -> None:
    turns = Turns("one")
    turns.due(MANY[:2], (), START)
    turns.touch("tenant1", START)
    assert turns.due(MANY[:2], (), START + 1) == [Turn("tenant1", near=True)]
    turns.touch_all()
    assert turns.due(MANY[:2], (), START + 1) == [Turn("tenant0", near=False), Turn("tenant1", near=True)]


def test_who_is_gone_is_forgotten() -> None:
    turns = Turns("one")
    turns.due(["tenant1"], {"tenant1"}, START)
    turns.due([], (), START)
    assert turns.due(["tenant1"], (), START) == [Turn("tenant1", near=False)], "a new one of the same name"
