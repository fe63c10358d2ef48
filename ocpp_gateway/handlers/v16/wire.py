"""OCPP 1.6 words and the domain's: numbers, connectors, meter values."""

from __future__ import annotations

import math
from typing import Any

from ocpp_gateway.protocol.errors import ErrorCode, OcppError
from ocpp_gateway.protocol.timestamps import parse_time
from sessions_app.metering import ENERGY, Reading, Sample

_INT64 = 2**63
_OPTIONAL = ("phase", "context", "location", "format")


def integer(payload: dict[str, Any], name: str) -> int:
    """Return a whole number that the database can hold.

    Raises:
        OcppError: it has more than 63 bits.
    """
    value: int = payload[name]
    if not -_INT64 <= value < _INT64:
        raise OcppError(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, f"{name}: {value} is out of range")
    return value


def place(connector: int) -> tuple[int, int]:
    """Return EVSE and connector of a 1.6 connector: n is EVSE n, connector 1; 0 is the station itself."""
    return (connector, 1) if connector else (0, 0)


def readings(meter_values: list[dict[str, Any]]) -> list[Reading]:
    """Return the readings of `meterValue` or `transactionData` (OCPP 1.6 §7.33, §7.43)."""
    return [
        Reading(parse_time(value["timestamp"]), [_sample(sample) for sample in value["sampledValue"]])
        for value in meter_values
    ]


def _sample(wire: dict[str, Any]) -> Sample:
    measurand = wire.get("measurand", ENERGY)
    unit = wire.get("unit")
    if unit is None:
        unit = "Wh" if measurand.startswith("Energy.Active") else ""
    elif unit == "Celcius":
        unit = "Celsius"
    # Signed data is kept to the letter: its value is what was signed.
    value = wire["value"] if wire.get("format") == "SignedData" else _value(wire["value"])
    sample: Sample = {"measurand": measurand, "value": value, "unit": unit}
    for name in _OPTIONAL:
        if name in wire:
            sample[name] = wire[name]
    return sample


def _value(text: str) -> int | float | str:
    """Return the number a station wrote, or its text where it is none that can be stored."""
    if "_" in text or not text.isascii():  # Python reads `1_000` and the digits of all scripts; nobody else does
        return text
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        return text
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
