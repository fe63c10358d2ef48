"""Random values that a JSON schema allows: compiled once to functions, so that a million of them take seconds."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

Maker = Callable[[Random], Any]
Schema = dict[str, Any]

_LETTERS = [*"abcXYZ012-_:.%/ äß中😀\u202e\"'\\\n\t<&$"]
_NOW = datetime.now(UTC)
_INT_EDGES = (0, 1, -1, 2, 1000, 2**31 - 1, -(2**31), 2**53, 2**63 - 1)
_ODD_NUMBERS = ("", "NaN", "-5", "1e400", "1e-400", "0x1F", "1_0", "٣", "9" * 60, "-0.0", "OCMF|{}|{}", "true")
_MOST_ITEMS = 4
_OPTIONAL = 0.6  # how often a field that may be missing is there


@cache
def request_maker(action: str) -> Maker:
    """Return what makes payloads of an action's CALL."""
    return _from_file(action)


@cache
def response_maker(action: str) -> Maker:
    """Return what makes payloads of an action's CALLRESULT."""
    return _from_file(f"{action}Response")


def _from_file(name: str) -> Maker:
    spec = find_spec("ocpp")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "v16" / "schemas" / f"{name}.json"
    schema = json.loads(path.read_text(encoding="utf-8-sig"))
    return _maker("", schema, schema.get("definitions", {}))


def _maker(name: str, schema: Schema, definitions: Schema) -> Maker:
    if "$ref" in schema:
        return _maker(name, definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    if "enum" in schema:
        words: list[Any] = schema["enum"]
        return lambda random: random.choice(words)
    makers: dict[str, Callable[[], Maker]] = {
        "object": lambda: _object(schema, definitions),
        "array": lambda: _array(name, schema, definitions),
        "integer": lambda: _integer,
        "number": lambda: _tenths,
        "boolean": lambda: lambda random: random.random() < 0.5,
        "string": lambda: _string(name, schema),
    }
    return makers[schema["type"]]()


def _object(schema: Schema, definitions: Schema) -> Maker:
    required = set(schema.get("required", ()))
    fields = [
        (name, name in required, _maker(name, inner, definitions))
        for name, inner in schema.get("properties", {}).items()
    ]

    def make(random: Random) -> dict[str, Any]:
        return {name: maker(random) for name, must, maker in fields if must or random.random() < _OPTIONAL}

    return make


def _array(name: str, schema: Schema, definitions: Schema) -> Maker:
    least, item = schema.get("minItems", 0), _maker(name, schema["items"], definitions)

    def make(random: Random) -> list[Any]:
        return [item(random) for _ in range(random.randint(least, _MOST_ITEMS))]

    return make


def _integer(random: Random) -> int:
    return random.choice(_INT_EDGES) if random.random() < 0.1 else random.randint(0, 5)


def _tenths(random: Random) -> float:
    # A float that is a multiple of 0.1 for every validator: 16.1 is, 0.30000000000000004 is not.
    return random.choice((0.0, 6.0, 16.1, 32.0, 11000.0, -1.0))


def _string(name: str, schema: Schema) -> Maker:
    longest = schema.get("maxLength", 40)
    if schema.get("format") == "date-time":
        return moment
    if name == "value":
        return lambda random: _measured(random)[:longest]

    def make(random: Random) -> str:
        length = random.choice((0, 1, 5, longest)) if longest < 100 else random.randint(0, 30)
        return "".join(random.choices(_LETTERS, k=length))

    return make


def _measured(random: Random) -> str:
    kind = random.random()
    if kind < 0.8:
        return f"{random.uniform(0, 1e6):.{random.randint(0, 3)}f}"
    return random.choice(
        ("", "NaN", "-5", "1e400", "1e-400", "0x1F", "1_0", "٣", "9" * 60, "-0.0", "OCMF|{}|{}", "true")
    )


def moment(random: Random) -> str:
    """Return a time in one of the forms that stations use, mostly of the last days."""
    at = _NOW - timedelta(seconds=random.randint(0, 200_000), milliseconds=random.randint(0, 999))
    form = random.random()
    if form < 0.5:
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if form < 0.7:
        return at.isoformat(timespec="seconds").replace("+00:00", "Z")
    if form < 0.8:
        return (at + timedelta(hours=2)).replace(tzinfo=None).isoformat(timespec="microseconds") + "+02:00"
    return random.choice(
        ("1970-01-01T00:00:00Z", "2099-12-31T23:59:59.999Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z")
        if form > 0.97
        else (at.replace(tzinfo=None).isoformat(timespec="seconds"), at.isoformat())
    )
