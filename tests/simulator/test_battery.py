"""The physics of a charge: ramp, plateau, taper, and energy that adds up."""

from __future__ import annotations

import pytest

from ocpp_gateway.simulator.battery import RAMP_SECONDS, TRICKLE, Car, Charge

CAR = Car("test car", capacity=50_000, ac_power=11_000, dc_power=100_000)


def charge(soc: float = 30.0, offered: float = 22_000, *, direct_current: bool = False) -> Charge:
    return Charge(CAR, soc, offered, direct_current)


def test_power_rises_over_the_ramp_to_what_car_and_station_agree_on() -> None:
    one = charge()
    assert one.power() == 0
    one.advance(RAMP_SECONDS / 2)
    assert one.power() == pytest.approx(5_500)
    one.advance(RAMP_SECONDS)
    assert one.power() == 11_000


def test_the_weaker_of_the_two_sets_the_plateau() -> None:
    assert charge(offered=3_700).plateau() == 3_700
    assert charge(offered=150_000, direct_current=True).plateau() == 100_000


def test_power_tapers_above_eighty_percent_down_to_a_trickle() -> None:
    powers = [Charge(CAR, soc, 22_000, False, elapsed=600).power() for soc in (79, 85, 90, 95, 99.4)]
    assert powers[0] == 11_000
    assert powers == sorted(powers, reverse=True)
    assert powers[-1] == pytest.approx(11_000 * TRICKLE, rel=0.4)


def test_a_full_car_takes_nothing_and_never_more_than_its_battery_holds() -> None:
    one = charge(soc=90)
    one.advance(10 * 3600)
    assert one.full
    assert one.soc <= 100
    assert one.power() == 0
    assert one.energy <= 0.1 * CAR.capacity / 0.9 + 1


def test_an_hour_on_the_plateau_is_an_hour_of_power() -> None:
    one = charge(soc=20)
    one.advance(RAMP_SECONDS)
    assert one.advance(3600) == pytest.approx(11_000)


def test_energy_in_the_battery_is_less_than_the_meter_counts() -> None:
    one = charge(soc=20)
    one.advance(1800)
    assert (one.soc - 20) / 100 * CAR.capacity == pytest.approx(one.energy * 0.9)


def test_many_short_steps_charge_as_much_as_one_long_one() -> None:
    short, long = charge(soc=60), charge(soc=60)
    for _ in range(240):
        short.advance(30)
    long.advance(7200)
    assert short.energy == pytest.approx(long.energy, rel=0.005)
