"""Energies, powers and durations in the units people read them in."""

from __future__ import annotations

from datetime import datetime

from tenants.admin_site.display import EMPTY


def number(value: float, digits: int) -> str:
    """Return a number with a narrow gap between the thousands and no exponent."""
    return f"{value:,.{digits}f}".replace(",", "\u202f")


def energy(wh: float | None) -> str:
    """Return an energy given in Wh as kWh, or MWh from ten thousand kWh on."""
    if wh is None:
        return EMPTY
    if abs(wh) >= 1e7:
        return f"{number(wh / 1e6, 1)} MWh"
    digits = 2 if abs(wh) < 1e5 else 1 if abs(wh) < 1e6 else 0
    return f"{number(wh / 1000, digits)} kWh"


def power(watts: float | None) -> str:
    """Return a power given in W as kW."""
    return EMPTY if watts is None else f"{number(watts / 1000, 1)} kW"


def percent(value: float | None) -> str:
    """Return a state of charge."""
    return EMPTY if value is None else f"{value:.0f} %"


def duration(start: datetime | None, end: datetime | None) -> str:
    """Return the time between two moments as `1 h 05 min`."""
    if start is None or end is None or end < start:
        return EMPTY
    minutes = int((end - start).total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
