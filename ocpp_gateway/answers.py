"""What a station's answer to a command means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chargepoints.models import CommandState
from ocpp_gateway.commands import verb_of_action
from ocpp_gateway.commands.verb import affirmative
from ocpp_gateway.protocol.errors import OcppError
from ocpp_gateway.protocol.frames import CallError, CallResult
from ocpp_gateway.protocol.redaction import without_keys
from ocpp_gateway.protocol.schemas import validate_response
from ocpp_gateway.protocol.versions import OcppVersion


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ends."""

    state: CommandState
    response: dict[str, Any] | None = None
    error: dict[str, str] | None = None


def error_of(answer: CallError) -> dict[str, str]:
    """Return a CALLERROR as the `error` of a command."""
    return {"code": answer.code[:50], "description": answer.description[:255]}


def read_answer(version: OcppVersion, action: str, answer: CallResult | CallError) -> Outcome:
    """Return what an answer means: yes, no, a CALLERROR, or nothing that the specification knows."""
    if isinstance(answer, CallError):
        return Outcome(CommandState.FAILED, error=error_of(answer))
    try:
        validate_response(version, action, answer.payload)
    except OcppError as error:
        return Outcome(CommandState.FAILED, error={"code": "InvalidAnswer", "description": error.description[:255]})
    # A station may tell its key with its other settings.
    response = without_keys(answer.payload)
    if _has_huge_number(response):
        description = "a number in it has more than 63 bits"
        return Outcome(CommandState.FAILED, error={"code": "InvalidAnswer", "description": description})
    verb = verb_of_action(version, action)
    accepted = verb.accepted if verb is not None else affirmative
    return Outcome(CommandState.ACCEPTED if accepted(response) else CommandState.REJECTED, response=response)


def _has_huge_number(value: Any) -> bool:
    """Return whether a JSON value holds a whole number that the database cannot."""
    if isinstance(value, dict):
        return any(_has_huge_number(inner) for inner in value.values())
    if isinstance(value, list):
        return any(_has_huge_number(inner) for inner in value)
    return isinstance(value, int) and not -(2**63) <= value < 2**63
