"""CALLERROR codes, and the exception that becomes one."""

from __future__ import annotations

from enum import Enum
from typing import Any

from ocpp_gateway.protocol.versions import OcppVersion


class ErrorCode(Enum):
    """What is wrong with a CALL, in words of no version; `spelled` gives the word of one."""

    NOT_IMPLEMENTED = "NotImplemented"
    NOT_SUPPORTED = "NotSupported"
    INTERNAL_ERROR = "InternalError"
    PROTOCOL_ERROR = "ProtocolError"
    SECURITY_ERROR = "SecurityError"
    FORMAT_VIOLATION = "FormatViolation"
    PROPERTY_CONSTRAINT_VIOLATION = "PropertyConstraintViolation"
    OCCURRENCE_CONSTRAINT_VIOLATION = "OccurrenceConstraintViolation"
    TYPE_CONSTRAINT_VIOLATION = "TypeConstraintViolation"
    GENERIC_ERROR = "GenericError"


# OCPP-J 1.6 §4.2.3 spells two of them its own way, and stations compare letters.
_SPELLING = {
    OcppVersion.V16: {
        ErrorCode.FORMAT_VIOLATION: "FormationViolation",
        ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION: "OccurenceConstraintViolation",
    }
}


def spelled(code: ErrorCode, version: OcppVersion) -> str:
    """Return a code as the version spells it."""
    return _SPELLING[version].get(code, code.value)


class OcppError(Exception):
    """A CALL cannot be served; the router answers with a CALLERROR.

    Attributes:
        code: the kind of error.
        description: what is wrong, for the people who read the station's log; at most 255 characters.
    """

    def __init__(self, code: ErrorCode, description: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description[:255]
        self.details = details or {}
