"""Tags that may not charge, groups, and the station's cache (OCPP 1.6 §4.1, §5.4)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.scene import Scene


@pytest.mark.parametrize(
    "fields, word",
    [
        ({"status": "invalid"}, "Invalid"),
        ({"expires_at": "2026-01-02T03:04:05Z"}, "Expired"),
        ({"status": "blocked"}, "Blocked"),
        (None, "Invalid"),
    ],
    ids=["invalid", "expired", "blocked", "unknown"],
)
async def test_a_tag_that_may_not_charge(scene: Scene, fields: Any, word: str) -> None:
    tag = "U" + scene.identity[-12:].replace("_", "") if fields is None else await scene.token(**fields)
    await scene.reports("Preparing")
    info = await scene.authorizes(tag, word)
    assert ("expiryDate" in info) == (word == "Expired")
    await scene.reports("Available")
    assert scene.operator.sessions(scene.identity) == []


async def test_the_group_of_a_tag_stops_its_session(scene: Scene) -> None:
    group = "G" + scene.identity[-10:].replace("_", "")
    owner, friend = await scene.token(parent_id_tag=group), await scene.token(f"F{group}", parent_id_tag=group)
    number = await scene.starts(owner)
    info = await scene.authorizes(friend)
    assert info["parentIdTag"] == group
    answer = await scene.stops(number, idTag=friend)
    assert answer["idTagInfo"] == {"status": "Accepted", "parentIdTag": group}
    assert scene.operator.only_session(scene.identity)["stop_id_tag"] == friend


@pytest.mark.parametrize("answer, state", [("Accepted", "accepted"), ("Rejected", "rejected")])
async def test_clear_the_cache(scene: Scene, answer: str, state: str) -> None:
    sent, command = await scene.ask("clear-cache", {}, "ClearCache", {"status": answer})
    assert (sent, command["state"]) == ({}, state)
