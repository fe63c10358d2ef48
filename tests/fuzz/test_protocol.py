"""Frames at full speed, without sockets and storage: whatever comes, there is an answer or a reason for none."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import bson
import orjson
import pytest

from chargepoints.models import CommandState
from chargepoints.station import Station
from ocpp_gateway import router
from ocpp_gateway.answers import read_answer
from ocpp_gateway.commands import effect_of
from ocpp_gateway.handlers.v16.wire import integer, readings
from ocpp_gateway.protocol.errors import OcppError
from ocpp_gateway.protocol.frames import Call, CallError, CallResult, Ignored, MalformedFrame, parse
from ocpp_gateway.protocol.redaction import redacted, redacted_text
from ocpp_gateway.protocol.versions import OcppVersion
from sessions_app.metering import live_values, meter_value_document, reading_event
from tenants.directory import TenantRecord
from tests.fuzz.conftest import FRAMES
from tests.fuzz.frames import COMMANDS, MESSAGES, Made, call, mutated, result
from tests.fuzz.schema_values import request_maker

V16 = OcppVersion.V16
NOW = datetime.now(UTC)
# What a CALLERROR may say; an InternalError would be a fault of ours.
CODES = {
    "NotImplemented",
    "NotSupported",
    "ProtocolError",
    "FormationViolation",
    "PropertyConstraintViolation",
    "OccurenceConstraintViolation",
    "TypeConstraintViolation",
}


@pytest.fixture
def station() -> Station:
    """A station that has booted; nothing here reaches a database."""
    tenant = TenantRecord("fuzz", "fuzz", True, 0, True, "ocpp", False, 1, 300)
    return Station(tenant, "CP1", 1, "1.6", "accepted", True)


def read(text: str) -> Call | CallResult | CallError | Ignored | MalformedFrame:
    """Return what a text is; any other exception than the one for frames that are none fails the test."""
    try:
        return parse(text)
    except MalformedFrame as error:
        return error


def begun(station: Station, message: Call) -> str:
    """Return the CALLERROR code of a CALL, or nothing where its handler has it."""
    outcome = router.begin(V16, station, message, NOW)
    if not isinstance(outcome, str):
        outcome.close()  # type: ignore[attr-defined]
        return ""
    frame = json.loads(outcome)
    assert frame[1] == message.message_id
    return "" if frame[0] == 3 else str(frame[2])


def check_translation(message: Call) -> None:
    """Check that what a handler makes of meter values and numbers can be stored and announced, or is refused."""
    try:
        for name in ("connectorId", "transactionId", "meterStart", "meterStop"):
            if name in message.payload:
                integer(message.payload, name)
        taken = readings(message.payload.get("meterValue", message.payload.get("transactionData", [])))
    except OcppError:
        return  # a number of more than 63 bits, or a time no calendar has
    for reading in taken:
        document = meter_value_document(
            station="CP1", session_id=None, evse_id=1, connector_id=1, transaction_id=1, reading=reading, now=NOW
        )
        bson.encode(document)
        live = live_values(reading.samples)
        orjson.dumps([reading_event(reading), live.register_wh, live.power_w, live.current_a, live.voltage_v])


def made_calls(seed: int) -> Iterator[tuple[Random, Made]]:
    random = Random(seed)
    for number in range(FRAMES):
        yield random, call(random, number)


def test_valid_calls_are_all_taken(seed: int, station: Station) -> None:
    taken: Counter[str] = Counter()
    for _, made in made_calls(seed):
        message = read(made.text)
        assert message == Call(made.message_id, made.action, made.payload), made.text
        assert isinstance(message, Call)
        assert begun(station, message) == "", made.text
        check_translation(message)
        redacted(message.payload)
        taken[made.action] += 1
    assert set(taken) == set(MESSAGES)


def test_mutated_frames_are_taken_or_refused_for_a_reason(seed: int, station: Station) -> None:
    outcomes: Counter[str] = Counter()
    for random, made in made_calls(seed):
        text = mutated(random, made)
        message = read(text)
        if isinstance(message, Call):
            code = begun(station, message)
            assert not code or code in CODES, f"{code} for {text}"
            if not code:
                check_translation(message)
            redacted(message.payload)
            outcomes[code or "taken"] += 1
        else:
            outcomes[type(message).__name__] += 1
            if isinstance(message, MalformedFrame):
                assert message.message_id != "", text
                redacted_text(message.description)
    assert {"taken", "Ignored", "MalformedFrame", *CODES} <= set(outcomes), outcomes


def test_answers_to_commands_mean_something(seed: int, station: Station) -> None:
    random = Random(seed)
    ends: Counter[str] = Counter()
    for number in range(FRAMES):
        made = result(random, number)
        text = made.text if number % 2 else mutated(random, made)
        message = read(text)
        if not isinstance(message, CallResult | CallError):
            continue
        outcome = read_answer(V16, made.action, message)
        if number % 2:
            assert outcome.state is not CommandState.FAILED, f"{outcome.error} for {made.action} {text}"
        ends[outcome.state.value] += 1
        _check_effect(station, made.action, request_maker(made.action)(random), outcome)
    assert {"accepted", "rejected", "failed"} <= set(ends)
    assert COMMANDS


def _check_effect(station: Station, action: str, payload: dict[str, Any], outcome: Any) -> None:
    """Check that what a command's end means can be said: it fills a unit of work with what MongoDB and JSON take."""
    effect = effect_of(station, {"action": action})
    if effect is None:
        return
    station._count = 0  # sequence numbers are for 16 million facts
    ended = {"_id": "c1", "action": action, "payload": payload, "state": outcome.state.value}
    ended |= {"response": outcome.response, "error": outcome.error, "requested_by": "fuzz", "secret": None}
    ended |= {"created_at": NOW, "sent_at": NOW, "completed_at": NOW, "message_id": "c1"}
    unit = station.unit_of_work()
    effect(unit, station, ended, NOW)
    bson.encode({"inserts": [one for _, one in unit.inserts], "updates": [one for _, one, _ in unit.updates]})
    bson.encode({"events": unit.events})
