"""`docs/events.md` and `docs/asyncapi.yaml` say what the code sends."""

from __future__ import annotations

import importlib
import json
from typing import Any

import jsonschema_rs
import pytest

from events import facts
from events.facts import FACT_KINDS, FactKind
from tests.docs.pages import blocks, headings, read, table_rows
from tests.docs.recorded_charge import Event

yaml = importlib.import_module("yaml")  # has no types; comes with drf-spectacular

EVENTS = read("docs/events.md")
CONTRACT: dict[str, Any] = yaml.safe_load(read("docs/asyncapi.yaml"))
MESSAGES: dict[str, dict[str, Any]] = {
    message["name"]: message for message in CONTRACT["components"]["messages"].values()
}
KINDS = {kind.event_type for kind in FACT_KINDS}
STATUS = "charge_point.status"
# Kinds whose names are rows of a table, and that share one example.
FAMILIES = ("command.", "reservation.")
IN_TABLES = tuple("`" + family for family in FAMILIES)
RESERVED = {"session.updated"}


def examples() -> dict[str, dict[str, Any]]:
    """Return the whole messages and the `data` objects that the page shows, by event type."""
    found = {}
    for block in blocks(EVENTS, "json"):
        example = json.loads(block.text)
        found[block.label or block.heading] = example.get("data", example)
    return found


def validate(event_type: str, payload: dict[str, Any]) -> None:
    """Raise jsonschema_rs.ValidationError when a payload breaks the contract."""
    schema = {"components": CONTRACT["components"], **MESSAGES[event_type]["payload"]}
    jsonschema_rs.Draft7Validator(schema, validate_formats=True).validate(payload)


def shape(value: Any) -> Any:
    """Return the names in a JSON value, without what they stand for."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return [shape(inner) for inner in value] if isinstance(value, list) else None


def test_every_kind_of_fact_is_in_the_contract_and_the_reverse() -> None:
    assert set(MESSAGES) == KINDS | {STATUS}


def test_every_kind_of_fact_has_its_heading_or_row_and_the_reverse() -> None:
    named = [*headings(EVENTS), *(row[0] for row in table_rows(EVENTS) if row[0].startswith(IN_TABLES))]
    described = {name.strip("`") for name in named if name.startswith("`")}
    assert described == KINDS


def test_the_table_of_signals_is_complete() -> None:
    rows = {row[0].strip("`"): row[1].strip("`") for row in table_rows(EVENTS) if len(row) == 2}
    named = {name: kind.event_type for name, kind in vars(facts).items() if isinstance(kind, FactKind)}
    assert {name: rows.get(name) for name in named} == named


def test_each_kind_is_on_the_channel_its_topic_ends_with() -> None:
    for kind in FACT_KINDS:
        channel = CONTRACT["channels"][kind.topic]
        names = [reference["$ref"].rsplit("/", 1)[1] for reference in channel["messages"].values()]
        sent = {CONTRACT["components"]["messages"][name]["name"] for name in names}
        assert kind.event_type in sent
        assert channel["address"].endswith("/" + kind.topic)


def test_what_is_sent_keeps_to_the_contract(recorded: list[Event]) -> None:
    for event in recorded:
        validate(event["type"], event["payload"])


def test_the_charge_shows_every_kind_that_is_not_reserved(recorded: list[Event]) -> None:
    assert {event["type"] for event in recorded} == (KINDS - RESERVED) | {STATUS}


def test_the_contract_names_every_field_that_is_sent(recorded: list[Event]) -> None:
    schemas = CONTRACT["components"]["schemas"]
    for event in recorded:
        payload = event["payload"]
        if event["type"] == STATUS:
            assert set(payload) == set(schemas["ChargePointStatus"]["properties"])
            continue
        data = MESSAGES[event["type"]]["payload"]["allOf"][1]["properties"]["data"]["$ref"].rsplit("/", 1)[1]
        assert set(payload) == set(schemas["Envelope"]["properties"])
        assert set(payload["data"]) == set(schemas[data]["properties"]) == set(schemas[data]["required"])


def test_every_kind_has_its_example_and_families_share_one() -> None:
    alone = {kind for kind in KINDS - RESERVED if not kind.startswith(FAMILIES)}
    assert set(examples()) == alone | {"command.accepted", "reservation.active", STATUS}


@pytest.mark.parametrize("event_type", sorted(examples()))
def test_the_example_has_the_shape_of_what_is_sent(event_type: str, recorded: list[Event]) -> None:
    sent = [event["payload"] for event in recorded if event["type"] == event_type]
    shapes = [shape(payload.get("data", payload)) for payload in sent]
    assert shape(examples()[event_type]) in shapes


def test_whole_messages_of_the_page_keep_to_the_contract() -> None:
    whole = [block for block in blocks(EVENTS, "json") if block.label]
    assert {block.label for block in whole} == {"session.started", "command.accepted", "reservation.active", STATUS}
    for block in whole:
        validate(block.label, json.loads(block.text))


def test_topics_of_the_page_are_those_that_are_used(recorded: list[Event]) -> None:
    rows = {row[0].strip("`") for row in table_rows(EVENTS) if row[0].startswith("`{prefix}")}
    used = {
        event["topic"]
        .replace("ocpp/", "{prefix}/", 1)
        .replace("/docs/", "/{tenant}/")
        .replace("/docs_CP001", "/{station}")
        for event in recorded
    }
    assert rows == used == {channel["address"] for channel in CONTRACT["channels"].values()}


def test_sequence_rises_and_ids_are_unique(recorded: list[Event]) -> None:
    sequences = [event["payload"]["sequence"] for event in recorded]
    assert sequences == sorted(set(sequences))
    assert len({event["payload"]["event_id"] for event in recorded}) == len(recorded)


def test_only_the_status_is_retained(recorded: list[Event]) -> None:
    assert {event["type"] for event in recorded if event.get("retain")} == {STATUS}
