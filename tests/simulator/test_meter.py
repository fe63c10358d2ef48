"""What the meter reports agrees with itself: current times voltage is power, and the register never falls."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest

from ocpp_gateway.simulator.battery import Car, Charge
from ocpp_gateway.simulator.meter import Meter, timestamp

CAR = Car("test car", capacity=50_000, ac_power=11_000, dc_power=100_000)


def values(meter: Meter, charge: Charge, measurand: str) -> list[float]:
    return [float(sample["value"]) for sample in meter.samples(charge) if sample["measurand"] == measurand]


@pytest.mark.parametrize("direct_current, phases", [(False, 3), (True, 1)])
def test_current_and_voltage_make_the_power(direct_current: bool, phases: int) -> None:
    charge = Charge(CAR, 50, 150_000, direct_current, elapsed=600)
    samples = Meter(1000, Random(1)).samples(charge)
    found = {sample["measurand"]: float(sample["value"]) for sample in samples}
    currents = [sample for sample in samples if sample["measurand"] == "Current.Import"]
    assert len(currents) == phases
    power = found["Current.Import"] * found["Voltage"] * phases
    assert power == pytest.approx(found["Power.Active.Import"], rel=0.01)


def test_the_register_rises_with_the_charge() -> None:
    charge, meter = Charge(CAR, 30, 11_000, False), Meter(123_456.4, Random(1))
    assert meter.wh == 123_456
    readings = []
    for _ in range(20):
        meter.count(charge.advance(60))
        readings += values(meter, charge, "Energy.Active.Import.Register")
    assert readings == sorted(readings)
    assert readings[-1] - 123_456 == pytest.approx(charge.energy, abs=1)


def test_a_reading_holds_only_the_measurands_asked_for() -> None:
    charge, meter = Charge(CAR, 30, 11_000, False), Meter(0, Random(1))
    reading = meter.reading(charge, datetime.now(UTC), measurands=["SoC"], context="Trigger")
    assert [sample["measurand"] for sample in reading["sampledValue"]] == ["SoC"]
    assert reading["sampledValue"][0]["context"] == "Trigger"


def test_times_are_utc_with_milliseconds() -> None:
    assert timestamp(datetime(2026, 1, 2, 3, 4, 5, 6789, UTC)) == "2026-01-02T03:04:05.006Z"
