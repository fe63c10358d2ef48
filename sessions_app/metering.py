"""Meter values: what a station measured, when, and what it means for its session."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from bson import ObjectId

from sessions_app.models import MeterValue

METER_VALUES = MeterValue._meta.db_table
ENERGY = "Energy.Active.Import.Register"
POWER = "Power.Active.Import"
CURRENT = "Current.Import"
VOLTAGE = "Voltage"
SOC = "SoC"
_KILO = {"kWh": 1000.0, "kW": 1000.0, "kvarh": 1000.0, "kvar": 1000.0, "kVA": 1000.0}

# A sample has "measurand", "value" and "unit", and "phase", "context", "location", "format" where they differ from
# the default. The names of measurands are those that OCPP and OCPI share.
Sample = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """The samples a station took at one moment."""

    timestamp: datetime
    samples: list[Sample]


@dataclass(frozen=True, slots=True)
class LiveValues:
    """The newest values of a session; None where the station does not measure it."""

    register_wh: float | None = None
    power_w: float | None = None
    current_a: float | None = None
    voltage_v: float | None = None
    soc_percent: float | None = None


def _number(sample: Sample) -> float | None:
    value = sample["value"]
    if not isinstance(value, (int, float)):
        return None
    kilo = _KILO.get(sample["unit"])
    # 1.001 * 1000 is a little less than 1001 in binary; no meter shows more than millionths.
    # A float either way: a difference of integers may need more than the 64 bits that MongoDB has.
    return float(value) if kilo is None else round(value * kilo, 6)


def _total(samples: Iterable[tuple[str, float]]) -> float | None:
    """Return the value without a phase, or the sum over the phases where only those are given.

    A phase may be told twice, against neutral and without saying so: it counts once.
    """
    phases: dict[str, float] = {}
    for phase, value in samples:
        if not phase:
            return value
        if phase in _SINGLE_PHASES and (not phase.endswith("-N") or phase[:2] not in phases):
            phases[phase[:2]] = value
    return sum(phases.values()) if phases else None


_SINGLE_PHASES = frozenset({"L1", "L2", "L3", "L1-N", "L2-N", "L3-N"})
# Where a vehicle or a heat sink is measured, it is not what the outlet delivers.
_OUTLET = (None, "Outlet")


def live_values(samples: Sequence[Sample]) -> LiveValues:
    """Return the values an operator watches, out of one reading."""
    found: dict[str, list[tuple[str, float]]] = {}
    for sample in samples:
        measurand = sample["measurand"]
        if measurand == SOC or sample.get("location") in _OUTLET:
            value = _number(sample)
            if value is not None:
                found.setdefault(measurand, []).append((sample.get("phase", ""), value))
    voltages = [value for phase, value in found.get(VOLTAGE, ()) if not phase or phase in _SINGLE_PHASES]
    currents = [value for phase, value in found.get(CURRENT, ()) if phase != "N"]
    soc = found.get(SOC)
    return LiveValues(
        register_wh=_finite(_total(found.get(ENERGY, ()))),
        power_w=_finite(_total(found.get(POWER, ()))),
        # The current of a three-phase charge is that of its strongest phase, as on the fuse.
        current_a=max(currents, default=None),
        voltage_v=_finite(sum(voltages) / len(voltages)) if voltages else None,
        soc_percent=soc[0][1] if soc else None,
    )


def _finite(value: float | None) -> float | None:
    """Return a value, or None where adding up or the thousands have made it infinite: JSON knows no such number."""
    return value if value is not None and math.isfinite(value) else None


def reading_id(station: str, evse_id: int, transaction_id: int | None, reading: Reading) -> ObjectId:
    """Return the id of a reading: the same reading sent twice is stored once.

    It begins with the time of the reading, as an ObjectId does, so that the index grows at its end.
    """
    content = orjson.dumps([station, evse_id, transaction_id, reading.timestamp, reading.samples])
    seconds = max(0, min(int(reading.timestamp.timestamp()), 0xFFFFFFFF))
    return ObjectId(seconds.to_bytes(4, "big") + hashlib.blake2b(content, digest_size=8).digest())


def meter_value_document(
    *,
    station: str,
    session_id: str | None,
    evse_id: int,
    connector_id: int | None,
    transaction_id: int | None,
    reading: Reading,
    now: datetime,
) -> dict[str, Any]:
    """Return a reading as it is stored."""
    return {
        "_id": reading_id(station, evse_id, transaction_id, reading),
        "session_id": session_id,
        "charge_point_id": station,
        "evse_id": evse_id,
        "connector_id": connector_id,
        "transaction_id": transaction_id,
        "timestamp": reading.timestamp,
        "received_at": now,
        "samples": reading.samples,
    }


def reading_event(reading: Reading) -> dict[str, Any]:
    """Return a reading as it is announced."""
    return {"timestamp": reading.timestamp, "samples": reading.samples}
