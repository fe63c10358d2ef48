"""What readings mean: units, phases, live values, and when two readings are the same one."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sessions_app.metering import CURRENT, ENERGY, POWER, SOC, VOLTAGE, LiveValues, Reading, live_values, reading_id

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def sample(measurand: str, value: Any, unit: str = "", **more: str) -> dict[str, Any]:
    """Return a sample as the domain keeps it."""
    return {"measurand": measurand, "value": value, "unit": unit, **more}


@pytest.mark.parametrize(
    "samples, expected",
    [
        ([], LiveValues()),
        ([sample(ENERGY, 1500, "Wh")], LiveValues(register_wh=1500)),
        ([sample(ENERGY, 1.5, "kWh")], LiveValues(register_wh=1500)),
        ([sample(ENERGY, 1500)], LiveValues(register_wh=1500)),
        ([sample(POWER, 11.04, "kW")], LiveValues(power_w=11040)),
        ([sample(POWER, -500, "W")], LiveValues(power_w=-500)),
        ([sample(SOC, 80, "Percent", location="EV")], LiveValues(soc_percent=80)),
        ([sample(SOC, 80)], LiveValues(soc_percent=80)),
        # What is measured elsewhere is not what the outlet delivers.
        ([sample(POWER, 1, "W", location="Inlet")], LiveValues()),
        ([sample(POWER, 1, "W", location="Outlet")], LiveValues(power_w=1)),
        ([sample("Energy.Active.Export.Register", 9, "Wh")], LiveValues()),
        # A text that is no number counts for nothing.
        ([sample(POWER, "12,5", "W"), sample(ENERGY, "", "Wh")], LiveValues()),
    ],
)
def test_live_values(samples: list[dict[str, Any]], expected: LiveValues) -> None:
    assert live_values(samples) == expected


def test_a_total_beats_its_phases() -> None:
    samples = [sample(POWER, n, "W", phase=f"L{n}") for n in (1, 2, 3)]
    assert live_values(samples).power_w == 6
    assert live_values([*samples, sample(POWER, 7, "W")]).power_w == 7


@pytest.mark.parametrize("phases", [("L1", "L2", "L3"), ("L1-N", "L2-N", "L3-N")])
def test_phases_are_added_up_for_energy_and_power(phases: tuple[str, ...]) -> None:
    samples = [sample(ENERGY, 0.5, "kWh", phase=phase) for phase in phases]
    assert live_values(samples).register_wh == 1500


def test_voltages_between_phases_are_no_voltages_of_phases() -> None:
    samples = [sample(VOLTAGE, 230, "V", phase="L1-N"), sample(VOLTAGE, 400, "V", phase="L1-L2")]
    assert live_values(samples).voltage_v == 230


def test_the_voltage_is_the_mean_and_the_current_the_highest_of_the_phases() -> None:
    samples = [
        *(sample(VOLTAGE, volt, "V", phase=f"L{n}-N") for n, volt in enumerate((228, 230, 232), start=1)),
        *(sample(CURRENT, ampere, "A", phase=f"L{n}") for n, ampere in enumerate((15.5, 16, 15), start=1)),
        sample(CURRENT, 99, "A", phase="N"),
    ]
    assert (live_values(samples).voltage_v, live_values(samples).current_a) == (230, 16)


@pytest.mark.parametrize("measurand, unit", [(ENERGY, "kWh"), (POWER, "kW"), (VOLTAGE, "V"), (CURRENT, "A"), (SOC, "")])
def test_no_live_value_is_infinite(measurand: str, unit: str) -> None:
    """The largest numbers in thousands, or added up, are more than a double holds; JSON knows no infinity."""
    samples = [sample(measurand, 1.7e308, unit, phase=phase) for phase in ("L1", "L2", "L3")]
    for readings in (samples, samples[:1], [sample(measurand, -1.7e308, unit)]):
        values = live_values(readings)
        for name in LiveValues.__slots__:
            value = getattr(values, name)
            assert value is None or math.isfinite(value), name


# -- The id of a reading -------------------------------------------------------------------------


def reading(value: Any = 1500, at: datetime = NOON) -> Reading:
    return Reading(at, [sample(ENERGY, value, "Wh")])


def test_the_same_reading_has_the_same_id() -> None:
    assert reading_id("CP1", 1, 7, reading()) == reading_id("CP1", 1, 7, reading())


def test_whatever_differs_makes_another_id() -> None:
    ids = {
        reading_id("CP1", 1, 7, reading()),
        reading_id("CP2", 1, 7, reading()),
        reading_id("CP1", 2, 7, reading()),
        reading_id("CP1", 1, 8, reading()),
        reading_id("CP1", 1, None, reading()),
        reading_id("CP1", 1, 7, reading(1501)),
        reading_id("CP1", 1, 7, reading("1500")),
        reading_id("CP1", 1, 7, reading(at=NOON + timedelta(milliseconds=1))),
    }
    assert len(ids) == 8


def test_ids_grow_with_time_so_that_the_index_grows_at_its_end() -> None:
    ids = [reading_id("CP1", 1, 7, reading(at=NOON + timedelta(seconds=n))) for n in range(100)]
    assert ids == sorted(ids)


@pytest.mark.parametrize("year", [1, 1969, 1970, 2106, 2107, 9999])
def test_ids_exist_for_every_time(year: int) -> None:
    assert reading_id("CP1", 1, 7, reading(at=datetime(year, 6, 1, tzinfo=UTC))) is not None
