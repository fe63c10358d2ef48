"""The stations and cars that the fleet is made of; makers and models are invented, their figures are not."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from ocpp_gateway.simulator.battery import Car


@dataclass(frozen=True, slots=True)
class Model:
    """A kind of station; `power` in W is what each connector gives."""

    vendor: str
    name: str
    firmware: str
    connectors: int
    power: float
    direct_current: bool = False


MODELS = (
    Model("Voltara", "Curb 11", "2.8.1", connectors=1, power=11_040),
    Model("Voltara", "Twin 22", "2.8.1", connectors=2, power=22_080),
    Model("Nordstrom Energi", "Parkline 22", "1.14.0", connectors=2, power=22_080),
    Model("Heliomotive", "Rapid 60", "5.0.3", connectors=2, power=60_000, direct_current=True),
    Model("Heliomotive", "Rapid 150", "5.0.3", connectors=2, power=150_000, direct_current=True),
)
# Most public charging points are AC posts; fast chargers are the exception.
_MODEL_WEIGHTS = (3, 4, 3, 2, 1)

CARS = (
    Car("city car", capacity=28_000, ac_power=6_600, dc_power=45_000, ac_phases=1),
    Car("hatchback", capacity=52_000, ac_power=11_000, dc_power=85_000),
    Car("family car", capacity=64_000, ac_power=11_000, dc_power=120_000),
    Car("van", capacity=75_000, ac_power=11_000, dc_power=110_000),
    Car("saloon", capacity=82_000, ac_power=11_000, dc_power=170_000),
    Car("long-range car", capacity=95_000, ac_power=22_000, dc_power=150_000),
)


def pick_model(random: Random) -> Model:
    """Return a model, the common ones more often."""
    return random.choices(MODELS, _MODEL_WEIGHTS)[0]


def pick_car(random: Random) -> tuple[Car, float]:
    """Return a car and its state of charge on arrival, in percent."""
    return random.choice(CARS), random.triangular(8, 75, 35)
