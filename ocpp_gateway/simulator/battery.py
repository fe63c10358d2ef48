"""The physics of one charge: how much power a car takes, and what the meter in front of it counts. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

# The car and the station agree on a current first; power then rises to its plateau over this time (s).
RAMP_SECONDS = 40.0
# Above this state of charge (%) the battery takes less and less, down to a trickle at 100 %.
TAPER_FROM = 80.0
TRICKLE = 0.08
# Share of the energy at the meter that arrives in the battery.
AC_EFFICIENCY = 0.9
DC_EFFICIENCY = 0.95
# Longest step of the integration (s): the taper bends noticeably over longer ones.
_STEP = 15.0
FULL = 99.5


@dataclass(frozen=True, slots=True)
class Car:
    """A kind of electric car: usable capacity in Wh, and the most it takes from AC and from DC, in W."""

    name: str
    capacity: float
    ac_power: float
    dc_power: float
    ac_phases: int = 3


@dataclass(slots=True)
class Charge:
    """One car on one connector; `soc` in percent, `energy` in Wh at the meter since the charge began."""

    car: Car
    soc: float
    offered: float  # W, the most the connector gives
    direct_current: bool
    elapsed: float = 0.0
    energy: float = 0.0
    limit: float = inf  # W, the most the central system leaves it

    @property
    def full(self) -> bool:
        """Tell whether the car has stopped asking for power."""
        return self.soc >= FULL

    @property
    def phases(self) -> int:
        """Return how many phases carry the current; a direct current counts as one."""
        return 1 if self.direct_current else self.car.ac_phases

    def plateau(self) -> float:
        """Return the power in W that car and connector agree on."""
        return min(self.offered, self.car.dc_power if self.direct_current else self.car.ac_power)

    def power(self) -> float:
        """Return the power in W that flows through the meter now."""
        if self.full:
            return 0.0
        return min(self.plateau() * min(_ramp(self.elapsed), _taper(self.soc)), self.limit)

    def advance(self, seconds: float) -> float:
        """Charge for `seconds`, and return the Wh that the meter counted."""
        before = self.energy
        while seconds > 0:
            step = min(seconds, _STEP)
            self._step(step)
            seconds -= step
        return self.energy - before

    def _step(self, seconds: float) -> None:
        # The power in the middle of the step stands for all of it: a ramp begins with nothing.
        self.elapsed += seconds / 2
        wanted = self.power() * seconds / 3600
        self.elapsed += seconds / 2
        efficiency = DC_EFFICIENCY if self.direct_current else AC_EFFICIENCY
        room = (100.0 - self.soc) / 100 * self.car.capacity / efficiency
        taken = min(wanted, room)
        self.energy += taken
        self.soc += taken * efficiency / self.car.capacity * 100


def _ramp(elapsed: float) -> float:
    return min(1.0, elapsed / RAMP_SECONDS)


def _taper(soc: float) -> float:
    if soc <= TAPER_FROM:
        return 1.0
    return 1.0 - (1.0 - TRICKLE) * (soc - TAPER_FROM) / (100.0 - TAPER_FROM)
