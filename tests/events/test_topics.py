"""Topics: one level per name, whatever the name holds."""

from __future__ import annotations

import pytest

from events.topics import event_topic, level, status_topic


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tenant1_CP001", "tenant1_CP001"),
        ("a/b", "a%2Fb"),
        ("a+b", "a%2Bb"),
        ("a#b", "a%23b"),
        ("100%", "100%25"),
        ("a%2Fb", "a%252Fb"),
        ("+/#%", "%2B%2F%23%25"),
        ("CP:1=2|3@x.y*-", "CP:1=2|3@x.y*-"),
        ("Säule 1", "Säule 1"),
        ("nul\0", "nul%00"),
    ],
)
def test_a_name_becomes_one_level(name: str, expected: str) -> None:
    assert level(name) == expected


def test_names_that_differ_stay_different() -> None:
    names = ["a/b", "a%2Fb", "a%252Fb", "a+b", "a%2Bb", "a b"]
    assert len({level(name) for name in names}) == len(names)


def test_topics_follow_the_contract() -> None:
    assert event_topic("ocpp", "t1", "CP+1", "session") == "ocpp/events/t1/CP%2B1/session"
    assert status_topic("fleet/north", "t1", "CP#1") == "fleet/north/status/t1/CP%231"
