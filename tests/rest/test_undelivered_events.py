"""Events the broker has refused, over REST: seen by their tenant, sent again, deleted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from tests.rest.conftest import Company, assert_problem

PATH = "undelivered-events"


@pytest.fixture
def set_aside(collection_of: Any) -> list[str]:
    """Three events of Voltway's, the oldest first; the last is an empty message."""
    ids = [f"{number:032x}" for number in range(3)]
    for number, event_id in enumerate(ids):
        collection_of("undelivered_events").insert_one(
            {
                "_id": event_id,
                "type": "session.started" if number else "charge_point.status",
                "station": "CP1",
                "sequence": 100 + number,
                "topic": "ocpp/events/v/CP1/session",
                "payload": orjson.dumps({"event_id": event_id}) if number < 2 else b"",
                "retain": number == 0,
                "reason": "Not authorized",
                "tries": 3,
                "stored_at": datetime(2026, 5, 1, tzinfo=UTC),
                "set_aside_at": datetime(2026, 5, 1, 0, number, tzinfo=UTC),
            }
        )
    return ids


def ids_of(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [event["id"] for event in answer.json()["results"]]


def test_they_are_listed_with_the_reason(voltway: Company, set_aside: list[str]) -> None:
    api = voltway.api("operator")
    assert ids_of(api.get(PATH)) == set_aside[::-1]
    assert ids_of(api.get(PATH, {"type": "charge_point.status"})) == set_aside[:1]
    assert api.get(f"{PATH}/{set_aside[1]}").json() == {
        "id": set_aside[1],
        "type": "session.started",
        "charge_point_id": "CP1",
        "sequence": 101,
        "topic": "ocpp/events/v/CP1/session",
        "retain": False,
        "payload": {"event_id": set_aside[1]},
        "reason": "Not authorized",
        "tries": 3,
        "stored_at": "2026-05-01T00:00:00.000Z",
        "set_aside_at": "2026-05-01T00:01:00.000Z",
    }
    assert api.get(f"{PATH}/{set_aside[2]}").json()["payload"] is None


def test_some_or_all_are_sent_again(voltway: Company, set_aside: list[str], collection_of: Any) -> None:
    api = voltway.api("operator")
    answer = api.post(f"{PATH}/send-again", {"ids": [set_aside[1], "f" * 32]})
    assert (answer.status_code, answer.json()) == (200, {"count": 1})
    assert api.post(f"{PATH}/send-again").json() == {"count": 2}
    rows = collection_of("outbox").find().sort("_id")
    sent = [(event["event_id"], event["sequence"], event["retain"]) for row in rows for event in row["events"]]
    assert sent == [(set_aside[1], 101, False), (set_aside[0], 100, True), (set_aside[2], 102, False)]
    assert ids_of(api.get(PATH)) == []


@pytest.mark.parametrize("ids", [[], "all", [1, {}], ["x" * 33]])
def test_a_list_that_is_none_is_refused(voltway: Company, set_aside: list[str], ids: Any) -> None:
    api = voltway.api("operator")
    assert_problem(api.post(f"{PATH}/send-again", {"ids": ids}), 400, "invalid")
    assert len(ids_of(api.get(PATH))) == 3


def test_who_may_do_what(voltway: Company, amperia: Company, set_aside: list[str]) -> None:
    one = f"{PATH}/{set_aside[0]}"
    assert_problem(voltway.api("viewer").get(PATH), 403, "permission_denied")
    assert_problem(voltway.api("viewer").post(f"{PATH}/send-again"), 403, "permission_denied")
    assert_problem(voltway.api("operator").delete(one), 403, "permission_denied")

    assert ids_of(amperia.api().get(PATH)) == []
    assert_problem(amperia.api().get(one), 404, "not_found")
    assert_problem(amperia.api().delete(one), 404, "not_found")
    assert amperia.api().post(f"{PATH}/send-again", {"ids": set_aside}).json() == {"count": 0}

    assert voltway.api().delete(one).status_code == 204
    assert ids_of(voltway.api().get(PATH)) == [set_aside[2], set_aside[1]]
