"""Every measurand, phase, unit, location, context and format that OCPP 1.6 has: what is stored, and what it means."""

from __future__ import annotations

import json
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from ocpp_gateway.handlers.v16.wire import readings
from sessions_app.active_sessions import SessionKey
from sessions_app.meter_values import _live_change
from sessions_app.metering import CURRENT, ENERGY, POWER, SOC, VOLTAGE, LiveValues, live_values

NOON = "2026-01-01T12:00:00Z"


def _words() -> dict[str, list[str]]:
    """Return the enums of a sampled value, from the schema that frames are checked with."""
    spec = find_spec("ocpp")
    assert spec is not None
    assert spec.origin is not None
    schema = json.loads((Path(spec.origin).parent / "v16/schemas/MeterValues.json").read_text(encoding="utf-8-sig"))
    sample = schema["properties"]["meterValue"]["items"]["properties"]["sampledValue"]["items"]["properties"]
    return {name: field["enum"] for name, field in sample.items() if "enum" in field}


WORDS = _words()
KILO = {unit for unit in WORDS["unit"] if unit.startswith("k")}


def taken(*samples: dict[str, str]) -> list[dict[str, Any]]:
    """Return samples as the domain has them."""
    return readings([{"timestamp": NOON, "sampledValue": list(samples)}])[0].samples


def live(*samples: dict[str, str]) -> LiveValues:
    return live_values(taken(*samples))


def test_the_words_are_those_of_the_specification() -> None:
    assert {name: len(words) for name, words in WORDS.items()} == {
        "context": 8,
        "format": 2,
        "measurand": 22,
        "phase": 10,
        "location": 5,
        "unit": 18,
    }


@pytest.mark.parametrize("measurand", WORDS["measurand"])
def test_whatever_is_said_of_a_value_is_kept(measurand: str) -> None:
    for unit, phase, location, form, context in product(
        WORDS["unit"], WORDS["phase"], WORDS["location"], WORDS["format"], WORDS["context"]
    ):
        wire = {"value": "0042.50", "measurand": measurand, "unit": unit, "phase": phase}
        wire |= {"location": location, "format": form, "context": context}
        (kept,) = taken(wire)
        value = "0042.50" if form == "SignedData" else 42.5
        assert kept == wire | {"value": value, "unit": "Celsius" if unit == "Celcius" else unit}


# Measurand, the live value it becomes; everything else becomes none.
LIVE = {ENERGY: "register_wh", POWER: "power_w", CURRENT: "current_a", VOLTAGE: "voltage_v", SOC: "soc_percent"}


@pytest.mark.parametrize("measurand", WORDS["measurand"])
@pytest.mark.parametrize("location", [None, *WORDS["location"]])
def test_only_what_the_outlet_delivers_is_live(measurand: str, location: str | None) -> None:
    wire = {"value": "7", "measurand": measurand} | ({"location": location} if location else {})
    name = LIVE.get(measurand)
    counts = name is not None and (measurand == SOC or location in (None, "Outlet"))
    assert live(wire) == (LiveValues(**{name: 7.0}) if counts and name else LiveValues())


@pytest.mark.parametrize("unit", WORDS["unit"])
def test_thousands_are_counted_in_ones(unit: str) -> None:
    value = live({"value": "1.001", "measurand": ENERGY, "unit": unit}).register_wh
    assert value == (1001.0 if unit in KILO else 1.001)


def test_signed_data_is_no_number() -> None:
    signed = {"value": "42", "measurand": ENERGY, "format": "SignedData"}
    assert live(signed) == LiveValues()
    both = ({**signed, "value": "AAEC"}, {"value": "42", "measurand": ENERGY})
    assert live(*both).register_wh == 42


def per_phase(values: dict[str, str], measurand: str = ENERGY, unit: str = "Wh") -> list[dict[str, str]]:
    return [{"value": value, "measurand": measurand, "unit": unit, "phase": phase} for phase, value in values.items()]


@pytest.mark.parametrize(
    "phases, register",
    [
        ({"L1": "1000"}, 1000),
        ({"L1": "1000", "L2": "200", "L3": "30"}, 1230),
        ({"L1-N": "1000", "L2-N": "200", "L3-N": "30"}, 1230),
        # The same phase told twice counts once, in either order; against neutral is the second choice.
        ({"L1": "1000", "L1-N": "999"}, 1000),
        ({"L1-N": "999", "L1": "1000", "L2": "5"}, 1005),
        # Between phases and in the neutral nothing is delivered.
        ({"N": "9", "L1-L2": "9", "L2-L3": "9", "L3-L1": "9"}, None),
        ({"L2": "200", "N": "9", "L1-L2": "9"}, 200),
    ],
    ids=str,
)
def test_phases_add_up_once(phases: dict[str, str], register: float | None) -> None:
    assert live(*per_phase(phases)).register_wh == register
    kilo = {phase: str(int(value) / 1000) for phase, value in phases.items()}
    assert live(*per_phase(kilo, unit="kWh")).register_wh == register
    assert live(*per_phase(phases, POWER, "W")).power_w == register
    total = {"value": "77", "measurand": ENERGY, "unit": "Wh"}
    assert live(*per_phase(phases), total).register_wh == 77, "a total beats its phases"


@pytest.mark.parametrize(
    "begin, later, energy",
    [(1000, "1500", 500), (1000, "0.999", 0), (0, "-5", 0), (-500, "-200", 300), (1000, "1e400", None)],
)
def test_energy_is_never_negative(begin: float, later: str, energy: float | None) -> None:
    """The change a reading makes to its session (kWh where it is written as such)."""
    reading = readings([{"timestamp": NOON, "sampledValue": [{"value": later}]}])[0]
    assert _live_change(SessionKey("s", 1, 1, begin), reading).get("energy_wh") == energy
