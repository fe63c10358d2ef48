"""Tags are shared fairly among drivers."""

from __future__ import annotations

from ocpp_gateway.simulator.drivers import Tags


def test_a_tag_in_use_is_not_taken_while_another_is_free() -> None:
    tags = Tags(["A", "B", "C"])
    assert [tags.take() for _ in range(3)] == ["A", "B", "C"]
    tags.give_back("B")
    assert tags.take() == "B"


def test_with_too_few_tags_they_are_used_in_turn() -> None:
    tags = Tags(["A", "B"])
    assert sorted([tags.take() for _ in range(4)]) == ["A", "A", "B", "B"]


def test_a_strange_tag_is_not_kept() -> None:
    tags = Tags(["A"])
    tags.give_back("REMOTE")
    assert tags.take() == "A"
    assert tags.take() == "A"
