"""What is stored for a fact, and so what a subscriber reads."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.dispatch import Signal

from events.facts import FACT_KINDS, Fact, FactKind, announce, meter_values_received, session_started
from events.outbox import event_of, status_event

MOMENT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def fact(**changes: Any) -> Fact:
    """Return a fact of station CP1."""
    known: dict[str, Any] = {
        "kind": session_started,
        "tenant": "t1",
        "topic_prefix": "ocpp",
        "station": "CP1",
        "sequence": 17,
        "timestamp": MOMENT,
        "data": {"transaction_id": 5},
        "session_id": "abc",
    }
    return Fact(**{**known, **changes})


class Unit:
    """An open unit of work."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def add_event(self, event: dict[str, Any]) -> None:
        self.events.append(event)


def test_the_payload_is_the_contract() -> None:
    event = event_of(fact())
    payload = json.loads(event["payload"])
    assert re.fullmatch("[0-9a-f]{32}", payload.pop("event_id"))
    assert datetime.fromisoformat(payload.pop("timestamp")) == MOMENT.replace(microsecond=123000)
    assert payload == {
        "schema": 1,
        "event_type": "session.started",
        "sequence": 17,
        "session_id": "abc",
        "charge_point_id": "CP1",
        "tenant_id": "t1",
        "data": {"transaction_id": 5},
    }
    assert event["topic"] == "ocpp/events/t1/CP1/session"
    assert "retain" not in event


def test_the_entry_names_what_the_payload_names() -> None:
    event = event_of(fact())
    payload = json.loads(event["payload"])
    for entry, name in (("event_id", "event_id"), ("type", "event_type"), ("station", "charge_point_id")):
        assert event[entry] == payload[name]
    assert event["sequence"] == payload["sequence"]


def test_every_event_has_an_id_of_its_own() -> None:
    assert len({event_of(fact())["event_id"] for _ in range(1000)}) == 1000


@pytest.mark.parametrize("text", ["ümläut", "😀", "line\nbreak", '"quoted"', "\x1b[31m", "\u202eright to left", "<b>"])
def test_any_text_survives(text: str) -> None:
    payload = json.loads(event_of(fact(data={"info": text}))["payload"])
    assert payload["data"]["info"] == text


def test_times_inside_the_data_are_utc() -> None:
    payload = json.loads(event_of(fact(data={"start_time": MOMENT}))["payload"])
    assert payload["data"]["start_time"].endswith("Z")
    assert datetime.fromisoformat(payload["data"]["start_time"]) == MOMENT


def test_the_status_is_retained_and_whole() -> None:
    event = status_event(
        tenant="t1",
        topic_prefix="ocpp",
        station="CP/1",
        sequence=18,
        timestamp=MOMENT,
        state={"connected": True, "connectors": [{"evse_id": 1, "status": "charging"}]},
    )
    payload = json.loads(event["payload"])
    assert event["retain"] is True
    assert event["topic"] == "ocpp/status/t1/CP%2F1"
    assert payload["event_type"] == "charge_point.status"
    assert payload["connectors"] == [{"evse_id": 1, "status": "charging"}]
    assert (payload["sequence"], payload["charge_point_id"], payload["tenant_id"]) == (18, "CP/1", "t1")


@pytest.mark.parametrize("kind", FACT_KINDS, ids=lambda kind: kind.event_type)
def test_every_kind_of_fact_reaches_the_outbox(kind: FactKind) -> None:
    unit = Unit()
    announce(unit, fact(kind=kind))
    [event] = unit.events
    assert event["type"] == kind.event_type
    assert event["topic"] == f"ocpp/events/t1/CP1/{kind.topic}"


def test_a_receiver_that_fails_costs_only_itself(caplog: pytest.LogCaptureFixture) -> None:
    def broken(**_: object) -> None:
        raise ZeroDivisionError

    meter_values_received.signal.connect(broken)
    try:
        unit = Unit()
        announce(unit, fact(kind=meter_values_received))
    finally:
        meter_values_received.signal.disconnect(broken)
    assert len(unit.events) == 1


def test_an_outbox_that_fails_is_not_passed_over() -> None:
    """State without its event would break the promise that both are stored or none."""

    class Full(Unit):
        def add_event(self, event: dict[str, Any]) -> None:
            raise MemoryError

    with pytest.raises(MemoryError):
        announce(Full(), fact())


def test_a_fact_that_cannot_be_written_is_not_passed_over() -> None:
    with pytest.raises(TypeError):
        announce(Unit(), fact(data={"what": object()}))


def test_signals_are_one_per_kind_or_a_group() -> None:
    assert all(isinstance(kind.signal, Signal) for kind in FACT_KINDS)
    assert len({kind.event_type for kind in FACT_KINDS}) == len(FACT_KINDS)
