"""OCPP-J frames: text to message and back (OCPP-J 1.6 §4). Strict JSON: no NaN, no infinity, bounded depth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from ocpp_gateway.protocol.errors import ErrorCode

CALL, CALL_RESULT, CALL_ERROR = 2, 3, 4
# OCPP-J 1.6 §4.1.4 allows 36 characters; some stations use longer ones, which do no harm.
MAX_MESSAGE_ID = 255
# The id of an answer to a message whose own id cannot be read (OCPP-J 2.0.1 §4.2.3).
UNREADABLE_ID = "-1"


class Call(NamedTuple):
    """A request."""

    message_id: str
    action: str
    payload: dict[str, Any]

    def __repr__(self) -> str:
        # Payloads carry keys, id tags and passwords in URLs.
        return f"Call({self.message_id!r}, {self.action!r})"


class CallResult(NamedTuple):
    """The answer to one of our requests."""

    message_id: str
    payload: dict[str, Any]

    def __repr__(self) -> str:
        return f"CallResult({self.message_id!r})"


class CallError(NamedTuple):
    """The refusal of one of our requests."""

    message_id: str
    code: str
    description: str
    details: Any

    def __repr__(self) -> str:
        return f"CallError({self.message_id!r}, {self.code!r})"


class Ignored(NamedTuple):
    """A frame of a type we do not know, which is to be ignored (OCPP-J 1.6 §4.1.3)."""

    message_type: Any


Message = Call | CallResult | CallError | Ignored


class MalformedFrame(Exception):
    """The text is no OCPP message.

    Attributes:
        message_id: the id to answer, `"-1"` where it cannot be read, or None where no answer is due.
    """

    def __init__(self, message_id: str | None, code: ErrorCode, description: str) -> None:
        super().__init__(description)
        self.message_id = message_id
        self.code = code
        self.description = description


def parse(text: str) -> Message:
    """Return the message that a text frame carries.

    Raises:
        MalformedFrame: it is no JSON, or not of the shape of an OCPP message.
    """
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise MalformedFrame(UNREADABLE_ID, ErrorCode.FORMAT_VIOLATION, f"not JSON: {error}") from None
    if not isinstance(frame, list) or len(frame) < 2:
        raise MalformedFrame(UNREADABLE_ID, ErrorCode.FORMAT_VIOLATION, "a message is an array of 3 to 5 elements")
    kind = frame[0]
    # `True` equals 1 and `2.0` equals 2 in Python, but not on the wire.
    if type(kind) is not int or kind not in _PARSERS:
        return Ignored(kind)
    parser = _PARSERS[kind]
    return parser(frame)


def _message_id(frame: list[Any]) -> str:
    message_id = frame[1]
    if not isinstance(message_id, str) or not message_id:
        raise MalformedFrame(UNREADABLE_ID, ErrorCode.FORMAT_VIOLATION, "the message id must be a non-empty string")
    if len(message_id) > MAX_MESSAGE_ID:
        raise MalformedFrame(UNREADABLE_ID, ErrorCode.FORMAT_VIOLATION, "the message id is too long")
    return message_id


def _parse_call(frame: list[Any]) -> Call:
    message_id = _message_id(frame)
    if len(frame) != 4:
        raise MalformedFrame(message_id, ErrorCode.FORMAT_VIOLATION, "a CALL is [2, id, action, payload]")
    action, payload = frame[2], frame[3]
    if not isinstance(action, str):
        raise MalformedFrame(message_id, ErrorCode.FORMAT_VIOLATION, "the action must be a string")
    if payload is None:  # some stations send null where a payload is empty
        payload = {}
    if not isinstance(payload, dict):
        raise MalformedFrame(message_id, ErrorCode.FORMAT_VIOLATION, "the payload must be an object")
    return Call(message_id, action, payload)


def _parse_result(frame: list[Any]) -> CallResult:
    # Answers are never answered, so what is wrong with one concerns nobody but our own caller.
    if len(frame) != 3 or not isinstance(frame[1], str) or not isinstance(frame[2], dict | None):
        raise MalformedFrame(None, ErrorCode.FORMAT_VIOLATION, "a CALLRESULT is [3, id, payload]")
    return CallResult(frame[1], frame[2] or {})


def _parse_error(frame: list[Any]) -> CallError:
    if not 3 <= len(frame) <= 5 or not isinstance(frame[1], str):
        raise MalformedFrame(None, ErrorCode.FORMAT_VIOLATION, "a CALLERROR is [4, id, code, description, details]")
    # Some stations leave the description or the details away, or send null.
    description = frame[3] if len(frame) > 3 else ""
    details = frame[4] if len(frame) > 4 else {}
    return CallError(frame[1], _text(frame[2]), _text(description), details)


def _text(value: Any) -> str:
    # Not `str(value)`: a structure of a thousand levels, which JSON may have, is too deep for it.
    return value if isinstance(value, str) else ""


_PARSERS: dict[int, Callable[[list[Any]], Message]] = {
    CALL: _parse_call,
    CALL_RESULT: _parse_result,
    CALL_ERROR: _parse_error,
}


def encode_call(message_id: str, action: str, payload: dict[str, Any]) -> str:
    """Return a CALL as text."""
    return orjson.dumps([CALL, message_id, action, payload], option=orjson.OPT_UTC_Z).decode()


def encode_result(message_id: str, payload: dict[str, Any]) -> str:
    """Return a CALLRESULT as text."""
    return orjson.dumps([CALL_RESULT, message_id, payload], option=orjson.OPT_UTC_Z).decode()


def encode_error(message_id: str, code: str, description: str, details: dict[str, Any] | None = None) -> str:
    """Return a CALLERROR as text."""
    return orjson.dumps([CALL_ERROR, message_id, code, description[:255], details or {}]).decode()
