"""Payloads against the schemas of OCPP 1.6: which error an invalid one gets, and which oddities pass."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_gateway.protocol.errors import ErrorCode, OcppError, spelled
from ocpp_gateway.protocol.schemas import known_actions, validate_request, validate_response
from ocpp_gateway.protocol.versions import OcppVersion, choose_version

V16 = OcppVersion.V16
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}

STOP = {"transactionId": 1, "meterStop": 1, "timestamp": "2026-01-01T00:00:00Z"}


def verdict(action: str, payload: dict[str, Any]) -> ErrorCode | None:
    """Return the code a payload is refused with, None where it is valid."""
    try:
        validate_request(V16, action, payload)
    except OcppError as error:
        return error.code
    return None


def sampled(**sample: Any) -> dict[str, Any]:
    """Return a MeterValues with one sample."""
    reading = {"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [{"value": "1", **sample}]}
    return {"connectorId": 1, "meterValue": [reading]}


CORE_FROM_STATIONS = {
    "Authorize",
    "BootNotification",
    "DataTransfer",
    "Heartbeat",
    "MeterValues",
    "StartTransaction",
    "StatusNotification",
    "StopTransaction",
}
CORE_FROM_US = {
    "ChangeAvailability",
    "ChangeConfiguration",
    "ClearCache",
    "GetConfiguration",
    "RemoteStartTransaction",
    "RemoteStopTransaction",
    "Reset",
    "UnlockConnector",
}


def test_every_core_action_is_known() -> None:
    assert known_actions(V16) >= CORE_FROM_STATIONS | CORE_FROM_US


@pytest.mark.parametrize("action", sorted(known_actions(V16)))
def test_every_action_has_validators_that_refuse_something(action: str) -> None:
    nonsense = {"noSuchField": [1]}
    with pytest.raises(OcppError):
        validate_request(V16, action, nonsense)
    with pytest.raises(OcppError):
        validate_response(V16, action, nonsense)


@pytest.mark.parametrize(
    "action, payload, code",
    [
        ("Authorize", {}, ErrorCode.PROTOCOL_ERROR),
        ("Authorize", {"idTag": 5}, ErrorCode.TYPE_CONSTRAINT_VIOLATION),
        ("Authorize", {"idTag": None}, ErrorCode.TYPE_CONSTRAINT_VIOLATION),
        ("Authorize", {"idTag": "x" * 21}, ErrorCode.PROPERTY_CONSTRAINT_VIOLATION),
        ("Authorize", {"idTag": "x", "extra": 1}, ErrorCode.FORMAT_VIOLATION),
        ("Authorize", {"idTag": "x", "$where": "1"}, ErrorCode.FORMAT_VIOLATION),
        ("Authorize", {"idTag": "x", "a.b": "1"}, ErrorCode.FORMAT_VIOLATION),
        ("Authorize", {"idTag": {"$ne": ""}}, ErrorCode.TYPE_CONSTRAINT_VIOLATION),
        ("StatusNotification", STATUS | {"status": "Asleep"}, ErrorCode.PROPERTY_CONSTRAINT_VIOLATION),
        ("StatusNotification", STATUS | {"connectorId": "1"}, ErrorCode.TYPE_CONSTRAINT_VIOLATION),
        ("StatusNotification", STATUS | {"connectorId": True}, ErrorCode.TYPE_CONSTRAINT_VIOLATION),
        ("StatusNotification", STATUS | {"connectorId": 1.0}, ErrorCode.TYPE_CONSTRAINT_VIOLATION),
        ("StatusNotification", STATUS | {"connectorId": 1.5}, ErrorCode.TYPE_CONSTRAINT_VIOLATION),
        ("MeterValues", {"connectorId": 1, "meterValue": []}, ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION),
        ("MeterValues", sampled(value=1), ErrorCode.TYPE_CONSTRAINT_VIOLATION),
        ("MeterValues", sampled(measurand="Frequencyy"), ErrorCode.PROPERTY_CONSTRAINT_VIOLATION),
    ],
)
def test_an_invalid_payload_gets_the_code_that_fits(action: str, payload: dict[str, Any], code: ErrorCode) -> None:
    assert verdict(action, payload) is code


@pytest.mark.parametrize(
    "action, payload",
    [
        ("Heartbeat", {}),
        ("Authorize", {"idTag": "x" * 20}),
        # Lengths are counted in characters, not in bytes or UTF-16 units.
        ("Authorize", {"idTag": "😀" * 20}),
        ("Authorize", {"idTag": ""}),
        ("MeterValues", sampled(measurand="Temperature", unit="Celcius")),
        ("MeterValues", sampled(measurand="Temperature", unit="Celsius")),
        ("MeterValues", sampled(measurand="SoC", unit="Percent", location="EV", phase="L1-N")),
        ("StopTransaction", STOP),
        ("StopTransaction", STOP | {"transactionData": sampled(unit="Celsius")["meterValue"]}),
        ("StopTransaction", STOP | {"transactionData": sampled(unit="Celcius")["meterValue"]}),
        ("StatusNotification", STATUS | {"timestamp": "2026-01-01T00:00:00.123456789+02:00"}),
        ("StatusNotification", STATUS | {"timestamp": "2026-01-01t00:00:00z"}),
        # OCPP 1.6 §3.14: a time without an offset is UTC.
        ("StatusNotification", STATUS | {"timestamp": "2026-01-01T00:00:00"}),
    ],
)
def test_what_stations_in_the_field_send_is_valid(action: str, payload: dict[str, Any]) -> None:
    assert verdict(action, payload) is None


@pytest.mark.parametrize("depth", [200, 300, 1000])
def test_a_deep_payload_is_refused_as_any_other(depth: int) -> None:
    deep: Any = "bottom"
    for _ in range(depth):
        deep = [deep]
    assert verdict("Authorize", {"idTag": deep}) in (
        ErrorCode.TYPE_CONSTRAINT_VIOLATION,
        ErrorCode.FORMAT_VIOLATION,
    )


def test_our_own_answers_are_checked_too() -> None:
    validate_response(V16, "Heartbeat", {"currentTime": "2026-01-01T00:00:00.000Z"})
    with pytest.raises(OcppError):
        validate_response(V16, "Heartbeat", {})


@pytest.mark.parametrize(
    "code, word",
    [
        (ErrorCode.FORMAT_VIOLATION, "FormationViolation"),
        (ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION, "OccurenceConstraintViolation"),
        (ErrorCode.NOT_IMPLEMENTED, "NotImplemented"),
        (ErrorCode.NOT_SUPPORTED, "NotSupported"),
        (ErrorCode.INTERNAL_ERROR, "InternalError"),
        (ErrorCode.PROTOCOL_ERROR, "ProtocolError"),
        (ErrorCode.SECURITY_ERROR, "SecurityError"),
        (ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, "PropertyConstraintViolation"),
        (ErrorCode.TYPE_CONSTRAINT_VIOLATION, "TypeConstraintViolation"),
        (ErrorCode.GENERIC_ERROR, "GenericError"),
    ],
)
def test_codes_are_spelled_as_in_1_6(code: ErrorCode, word: str) -> None:
    """OCPP-J 1.6 §4.2.3, with its two slips of the pen: stations compare letters."""
    assert spelled(code, V16) == word


@pytest.mark.parametrize(
    "offered, chosen",
    [
        (["ocpp1.6"], V16),
        (["ocpp2.0.1", "ocpp1.6"], V16),
        (["ocpp1.6", "ocpp1.6"], V16),
        ([], None),
        (["ocpp1.5"], None),
        (["OCPP1.6"], None),
        (["ocpp1.6 "], None),
        (["ocpp"], None),
        ([""], None),
    ],
)
def test_the_version_is_the_first_offer_we_speak(offered: list[str], chosen: OcppVersion | None) -> None:
    assert choose_version(offered) is chosen


def test_versions_as_people_write_them() -> None:
    assert V16.number == "1.6"
