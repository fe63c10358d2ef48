"""What a station's meter says about a charge, as OCPP 1.6 sampled values (§7.43). Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

from ocpp_gateway.simulator.battery import Charge

Sample = dict[str, str]
MEASURANDS = (
    "Energy.Active.Import.Register",
    "Power.Active.Import",
    "Current.Import",
    "Voltage",
    "SoC",
)
_GRID_VOLTAGE = 230.0
_DC_VOLTAGE = 400.0


def timestamp(moment: datetime) -> str:
    """Return a UTC moment as OCPP writes it, in milliseconds with `Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


@dataclass(slots=True)
class Meter:
    """The meter of one connector; `register` is its lifetime energy in Wh and never falls."""

    register: float
    random: Random

    @property
    def wh(self) -> int:
        """Return the register as StartTransaction and StopTransaction carry it."""
        return round(self.register)

    def count(self, energy: float) -> None:
        """Add `energy` Wh."""
        self.register += max(energy, 0.0)

    def voltage(self, charge: Charge) -> float:
        """Return a voltage in V: the mains with its small swings, or the battery's own rising one."""
        if charge.direct_current:
            return _DC_VOLTAGE * (0.85 + 0.15 * charge.soc / 100)
        return _GRID_VOLTAGE + self.random.uniform(-2.5, 2.5)

    def samples(self, charge: Charge) -> list[Sample]:
        """Return energy, power, current per phase, voltage and state of charge."""
        power = charge.power() * self.random.uniform(0.985, 1.0)
        voltage = self.voltage(charge)
        current = f"{power / charge.phases / voltage:.1f}"
        phases = [{}] if charge.direct_current else [{"phase": f"L{n + 1}"} for n in range(charge.phases)]
        return [
            {"value": str(self.wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
            {"value": f"{power:.1f}", "measurand": "Power.Active.Import", "unit": "W"},
            *({"value": current, "measurand": "Current.Import", "unit": "A"} | phase for phase in phases),
            {"value": f"{voltage:.1f}", "measurand": "Voltage", "unit": "V"},
            {"value": f"{charge.soc:.0f}", "measurand": "SoC", "unit": "Percent", "location": "EV"},
        ]

    def reading(
        self,
        charge: Charge,
        at: datetime,
        *,
        measurands: Collection[str] = MEASURANDS,
        context: str = "Sample.Periodic",
    ) -> dict[str, Any]:
        """Return one element of `meterValue`."""
        samples = [
            sample | {"context": context} for sample in self.samples(charge) if sample["measurand"] in measurands
        ]
        return {"timestamp": timestamp(at), "sampledValue": samples}

    def register_reading(self, at: datetime, context: str) -> dict[str, Any]:
        """Return one element of `transactionData`: the register alone."""
        sample = {
            "value": str(self.wh),
            "context": context,
            "measurand": "Energy.Active.Import.Register",
            "unit": "Wh",
        }
        return {"timestamp": timestamp(at), "sampledValue": [sample]}
