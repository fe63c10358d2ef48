"""Validation against the JSON schemas that the `ocpp` package ships, compiled once with `jsonschema-rs`."""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema_rs

from ocpp_gateway.protocol.errors import ErrorCode, OcppError
from ocpp_gateway.protocol.versions import OcppVersion

_FOLDERS = {OcppVersion.V16: "v16"}
# What only stations send (OCPP 1.6 §4; the last four: security white paper, edition 2).
_FROM_STATIONS = {
    OcppVersion.V16: frozenset(
        {
            "Authorize",
            "BootNotification",
            "DiagnosticsStatusNotification",
            "FirmwareStatusNotification",
            "Heartbeat",
            "MeterValues",
            "StartTransaction",
            "StatusNotification",
            "StopTransaction",
            "LogStatusNotification",
            "SecurityEventNotification",
            "SignCertificate",
            "SignedFirmwareStatusNotification",
        }
    )
}
# By keyword of the schema. OCPP-J 1.6 §4.2.3: what is missing makes a payload incomplete (ProtocolError), what is
# not in the schema makes its structure wrong.
_CODES = {
    "required": ErrorCode.PROTOCOL_ERROR,
    "type": ErrorCode.TYPE_CONSTRAINT_VIOLATION,
    "additionalProperties": ErrorCode.FORMAT_VIOLATION,
    "minItems": ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION,
    "maxItems": ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION,
}


def _folder(version: OcppVersion) -> Path:
    spec = find_spec("ocpp")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / _FOLDERS[version] / "schemas"


@cache
def _validator(version: OcppVersion, name: str) -> Any:
    schema = json.loads((_folder(version) / f"{name}.json").read_text(encoding="utf-8-sig"))
    # Times are read by the handlers, which take more than RFC 3339: one without an offset is UTC (OCPP 1.6 §3.14).
    return jsonschema_rs.validator_for(schema, validate_formats=False)


@cache
def known_actions(version: OcppVersion) -> frozenset[str]:
    """Return every action of a version, in either direction."""
    names = (path.stem for path in _folder(version).glob("*.json"))
    return frozenset(name for name in names if not name.endswith("Response"))


@cache
def actions_for_stations(version: OcppVersion) -> frozenset[str]:
    """Return the actions of a version that a station can be asked for; DataTransfer goes both ways."""
    return known_actions(version) - _FROM_STATIONS[version]


def validate_request(version: OcppVersion, action: str, payload: dict[str, Any]) -> None:
    """Check the payload of a CALL.

    Raises:
        OcppError: with the code that fits the first thing that is wrong.
    """
    _validate(_validator(version, action), payload)


def validate_response(version: OcppVersion, action: str, payload: dict[str, Any]) -> None:
    """Check the payload of a CALLRESULT to a CALL of this action; raises like `validate_request`."""
    _validate(_validator(version, action + "Response"), payload)


def _validate(validator: Any, payload: dict[str, Any]) -> None:
    try:
        validator.validate(payload)
    except jsonschema_rs.ValidationError as error:
        where = "/".join(str(part) for part in error.instance_path) or "the payload"
        code = _CODES.get(error.kind.name, ErrorCode.PROPERTY_CONSTRAINT_VIOLATION)
        raise OcppError(code, f"{where}: {error.message}") from None
    except ValueError as error:  # what the validator says of a structure with more than 255 levels
        raise OcppError(ErrorCode.FORMAT_VIOLATION, f"the payload cannot be read: {error}") from None
