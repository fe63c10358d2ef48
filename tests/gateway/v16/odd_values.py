"""Payloads with something odd in them: made at random out of valid ones, always the same from the same seed."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from tests.gateway.v16.charging import meter_values, reading, start, stop
from tests.station import BOOT

_SAMPLE = {
    "value": "1500",
    "measurand": "Energy.Active.Import.Register",
    "unit": "kWh",
    "phase": "L1",
    "context": "Sample.Periodic",
    "format": "Raw",
    "location": "Outlet",
}

VALID: dict[str, Callable[[], dict[str, Any]]] = {
    "Authorize": lambda: {"idTag": "tag"},
    "BootNotification": lambda: {
        **BOOT,
        "chargePointSerialNumber": "1",
        "chargeBoxSerialNumber": "2",
        "firmwareVersion": "3",
        "iccid": "4",
        "imsi": "5",
        "meterType": "6",
        "meterSerialNumber": "7",
    },
    "DataTransfer": lambda: {"vendorId": "v", "messageId": "m", "data": "d"},
    "Heartbeat": dict,
    "MeterValues": lambda: meter_values(reading(dict(_SAMPLE), {"value": "1"}), reading(), transactionId=1),
    "StartTransaction": lambda: start("tag", reservationId=1),
    "StatusNotification": lambda: {
        "connectorId": 1,
        "errorCode": "NoError",
        "status": "Available",
        "info": "i",
        "timestamp": "2026-01-01T00:00:00Z",
        "vendorId": "v",
        "vendorErrorCode": "e",
    },
    "StopTransaction": lambda: stop(1, idTag="tag", transactionData=[reading(dict(_SAMPLE))]),
}

_NUMBERS = [0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**30]
_FLOATS = [0.5, -0.0, 1.0, 1e19, 1.7e308, -1.7e308, 5e-324]
_TEXTS = [
    "",
    " ",
    "x" * 20,
    "x" * 21,
    "x" * 5000,
    "😀" * 20,
    "\0",
    "a\0b",
    "\n\r\t\x1b[31m",
    "\u202e\ufeff",
    "$where",
    "a.b",
    "__proto__",
    "<script>alert(1)</script>",
    "=1+1",
    "NaN",
    "-inf",
    "1e308",
    "1.7976931348623157e308",
    "-1.7976931348623157e308",
    "1_0",
    "١٢",
    "0x1",
    "1e999",
    "Accepted",
    "Celcius",
    "SignedData",
    "2026-02-30T00:00:00Z",
    "2026-01-01",
    "20260101T000000Z",
    "2026-W01-1T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01T23:59:60Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999999-14:00",
    "2026-01-01T00:00:00.999999999Z",
    "2026-01-01T00:00:00+99:99",
]
_SURROGATE = "\ud800"


def odd_value(random: Random, depth: int = 0) -> Any:
    """Return any JSON value."""
    makers: list[Callable[[], Any]] = [
        lambda: random.choice(_NUMBERS),
        lambda: random.choice(_FLOATS),
        lambda: random.choice([None, True, False]),
        lambda: random.choice(_TEXTS) if random.random() > 0.01 else _SURROGATE,
    ]
    if depth < 3:
        makers += [
            lambda: [odd_value(random, depth + 1) for _ in range(random.randrange(4))],
            lambda: {random.choice(_TEXTS): odd_value(random, depth + 1) for _ in range(random.randrange(4))},
            lambda: _nested(random),
        ]
    return random.choice(makers)()


def _nested(random: Random) -> Any:
    deep: Any = "bottom"
    for _ in range(random.choice([2, 50, 254, 256, 500])):
        deep = [deep] if random.random() < 0.5 else {"a": deep}
    return deep


def odd_payload(random: Random, action: str) -> Any:
    """Return a payload of an action with one to three things changed, removed or added; seldom anything at all."""
    if random.random() < 0.02:
        return odd_value(random)
    payload = VALID[action]()
    places = places_in(payload) or [(payload, "odd")]
    for where, key in random.sample(places, min(len(places), random.randint(1, 3))):
        _change(random, where, key)
    return payload


def _change(random: Random, where: Any, key: Any) -> None:
    what = random.random()
    if what < 0.8 or not isinstance(where, dict):
        where[key] = odd_value(random)
    elif what < 0.9:
        where.pop(key, None)
    else:
        where[random.choice(_TEXTS)] = odd_value(random)


def places_in(value: Any) -> list[tuple[Any, Any]]:
    """Return every place in a structure, as what holds it and its key there."""
    if isinstance(value, dict):
        keys: list[Any] = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    else:
        return []
    return [(value, key) for key in keys] + [place for key in keys for place in places_in(value[key])]


def frame(message_id: str, action: str, payload: Any, random: Random) -> str:
    """Return a CALL as text, with its characters written as they are or escaped."""
    text = json.dumps([2, message_id, action, payload], ensure_ascii=random.random() < 0.5)
    try:
        text.encode()
    except UnicodeEncodeError:  # a surrogate that is no character can only be sent escaped
        return json.dumps([2, message_id, action, payload])
    return text
