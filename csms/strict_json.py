"""Request bodies: JSON as RFC 8259 has it and as MongoDB can store it, or a problem that says what is wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import IO, Any, NoReturn

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser

MAX_BODY_BYTES = 1024 * 1024
_INT64 = range(-(2**63), 2**63)


class BodyTooLarge(APIException):
    """The request body is larger than any that makes sense here."""

    status_code = 413
    default_code = "too_large"
    default_detail = f"the request body is larger than {MAX_BODY_BYTES} bytes"


class StrictJSONParser(JSONParser):
    """Refuses what `json.loads` takes but nothing behind it can: NaN, 1e400, NUL, lone surrogates, huge integers,
    repeated names, bottomless nesting.
    """

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        body = stream.read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLarge
        return parse_json(body)


def parse_json(body: bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        rest_framework.exceptions.ParseError: it is not JSON, or holds what cannot be stored; the text says what.
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_int64,
            object_pairs_hook=_object,
        )
    except UnicodeDecodeError:
        raise ParseError("the body is not UTF-8") from None
    except RecursionError:
        raise ParseError("the body is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ParseError(f"the body is not JSON: {error.msg} at character {error.pos}") from None
    _storable([value])
    return value


def _no_constant(name: str) -> NoReturn:
    raise ParseError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ParseError(f"the number {digits[:20]} is too large")
    return number


def _int64(digits: str) -> int:
    # Python refuses to convert thousands of digits, so the length is looked at first.
    if len(digits) > 20 or int(digits) not in _INT64:
        raise ParseError(f"the number {digits[:20]} is too large")
    return int(digits)


def _object(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    _storable(value for pair in pairs for value in pair)
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ParseError("a name stands twice in one object")
    return found


def _storable(values: Iterable[Any]) -> None:
    for value in values:
        if isinstance(value, str):
            refuse_unstorable(value)
        elif isinstance(value, list):
            _storable(value)


def refuse_unstorable(text: str) -> None:
    """Refuse text that MongoDB or a terminal chokes on.

    Raises:
        rest_framework.exceptions.ParseError: it holds a NUL character or a lone surrogate.
    """
    if "\x00" in text:
        raise ParseError("a text holds a NUL character")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ParseError("a text holds half of a surrogate pair")
