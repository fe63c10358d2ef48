"""What a station is sent so that it holds what it shall hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sessions_app.local_list_plan import ListEntry, ListUpdate, next_update, wanted_entries

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def token(tag: str, status: str = "accepted", **more: Any) -> dict[str, Any]:
    return {"id_tag": tag, "status": status, "expires_at": None, "parent_id_tag": ""} | more


def entries(*tags: str) -> list[ListEntry]:
    return wanted_entries([token(tag) for tag in tags], NOW, tag_length=20)


def station(version: int = 0, held: list[ListEntry] | None = None, *, full: bool = False) -> dict[str, Any]:
    return {"version": version, "held": [entry.held for entry in held or []], "full": full}


def apply(local_list: dict[str, Any], update: ListUpdate) -> None:
    """Do what a station does."""
    held = {} if update.full else {entry["tag"]: entry for entry in local_list["held"]}
    for entry in update.entries:
        held.pop(entry.key, None)
        if entry.status is not None:
            held[entry.key] = entry.held
    local_list.update(version=update.version, held=list(held.values()), full=False)


def test_nothing_is_sent_to_an_empty_list_that_shall_be_empty() -> None:
    assert next_update(station(full=True), [], 10) is None


def test_a_list_of_unknown_content_is_emptied() -> None:
    assert next_update(station(5, full=True), [], 10) == ListUpdate(6, full=True)


def test_those_who_may_charge_come_first_and_long_tags_do_not_come() -> None:
    tokens = [token("a", "blocked"), token("c"), token("b"), token("d", expires_at=NOW), token("e" * 21)]
    assert [entry.id_tag for entry in wanted_entries(tokens, NOW, tag_length=20)] == ["b", "c", "a", "d"]


def test_an_expiry_or_a_group_that_changes_is_a_change() -> None:
    before = wanted_entries([token("a"), token("b"), token("c")], NOW, tag_length=20)
    tokens = [token("a", expires_at=NOW + timedelta(days=1)), token("b", parent_id_tag="p"), token("C")]
    after = wanted_entries(tokens, NOW, tag_length=20)
    update = next_update(station(1, before), after, 10)
    assert update is not None
    assert [entry.id_tag for entry in update.entries] == ["a", "b"], "the spelling of a tag is no change"


def test_any_list_is_reached_in_portions() -> None:
    local_list = station(3, entries("x", "y", "z"), full=True)
    for wanted in (entries(*"abcdefg"), entries(*"aceg"), entries(*"aceghij"), []):
        steps = 0
        while (update := next_update(local_list, wanted, 2)) is not None:
            assert len(update.entries) <= 2
            assert update.version == local_list["version"] + 1
            apply(local_list, update)
            steps += 1
        assert {entry["tag"] for entry in local_list["held"]} == {entry.key for entry in wanted}
        assert steps <= 4
