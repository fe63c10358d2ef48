"""Charts as inline SVG: numbers in, coordinates out. Drawn by the server, so that a page needs no script for them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise

# Coordinates of the drawing, in its own units; the page scales it.
WIDTH, HEIGHT = 960, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 58, 14, 28
PLOT_WIDTH, PLOT_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
MAX_POINTS = 320
_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured at one moment; power in W, energy since the start in Wh, None where it was not."""

    timestamp: datetime
    power_w: float | None
    energy_wh: float | None


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis: where, and what is written there."""

    at: str
    text: str


@dataclass(frozen=True, slots=True)
class Hover:
    """An invisible column over a point; its title is what is shown when it is pointed at."""

    x: str
    width: str
    text: str


@dataclass(frozen=True, slots=True)
class SessionChart:
    """A drawn chart of power (left axis, kW) and energy (right axis, kWh) over time."""

    power_line: str
    power_area: str
    energy_line: str
    left: list[Tick]
    right: list[Tick]
    below: list[Tick]
    hovers: list[Hover]


@dataclass(frozen=True, slots=True)
class Bar:
    """One column of a bar chart; heights are in percent of the highest."""

    label: str
    value_wh: float
    percent: int

    @property
    def top(self) -> int:
        """Where the column ends, in percent from above."""
        return 100 - self.percent


def session_chart(points: Sequence[Point]) -> SessionChart | None:
    """Return the chart of a session, or None for fewer than two moments."""
    shown = thin_out(points, MAX_POINTS)
    if len(shown) < 2 or shown[0].timestamp == shown[-1].timestamp:
        return None
    first, last = shown[0].timestamp.timestamp(), shown[-1].timestamp.timestamp()
    xs = [LEFT + PLOT_WIDTH * (p.timestamp.timestamp() - first) / (last - first) for p in shown]
    powers = [None if p.power_w is None else p.power_w / 1000 for p in shown]
    energies = [None if p.energy_wh is None else p.energy_wh / 1000 for p in shown]
    power_ticks, energy_ticks = scale(powers), scale(energies)
    power_line = _path(xs, powers, power_ticks)
    return SessionChart(
        power_line=power_line,
        power_area=_area(xs, powers, power_line),
        energy_line=_path(xs, energies, energy_ticks),
        left=_ticks(power_ticks),
        right=_ticks(energy_ticks),
        below=[Tick(f"{LEFT + PLOT_WIDTH * i / 4:.1f}", _clock(first + (last - first) * i / 4)) for i in range(5)],
        hovers=_hovers(shown, xs),
    )


def thin_out(points: Sequence[Point], most: int) -> list[Point]:
    """Return at most about `most` points, evenly taken, always with the first and the last."""
    if len(points) <= most:
        return list(points)
    step = math.ceil((len(points) - 1) / (most - 1))
    return [*points[:-1:step], points[-1]]


def scale(values: Sequence[float | None]) -> list[float]:
    """Return round numbers for an axis that begins at 0 and holds all values; empty if there is nothing to show."""
    known = [value for value in values if value is not None]
    if not known:
        return []
    top = max(*known, 0.001)
    magnitude = 10 ** math.floor(math.log10(top / 4))
    step = next(nice * magnitude for nice in _NICE if nice * magnitude * 4 >= top * 0.999)
    return [step * i for i in range(math.ceil(top / step - 0.001) + 1)]


def _y(value: float, ticks: Sequence[float]) -> float:
    """Return the height of a value; what is below 0 is drawn on the axis."""
    return TOP + PLOT_HEIGHT * (1 - max(value, 0.0) / ticks[-1])


def _path(xs: Sequence[float], values: Sequence[float | None], ticks: Sequence[float]) -> str:
    known = [(x, value) for x, value in zip(xs, values, strict=True) if value is not None]
    return " ".join(f"{'L' if i else 'M'}{x:.1f} {_y(value, ticks):.1f}" for i, (x, value) in enumerate(known))


def _area(xs: Sequence[float], values: Sequence[float | None], line: str) -> str:
    known = [x for x, value in zip(xs, values, strict=True) if value is not None]
    base = TOP + PLOT_HEIGHT
    return f"{line} L{known[-1]:.1f} {base} L{known[0]:.1f} {base} Z" if known else ""


def _ticks(values: Sequence[float]) -> list[Tick]:
    return [Tick(f"{_y(value, values):.1f}", f"{value:g}") for value in values]


def _clock(timestamp: float) -> str:
    return f"{datetime.fromtimestamp(timestamp, UTC):%H:%M}"


def _hovers(points: Sequence[Point], xs: Sequence[float]) -> list[Hover]:
    edges = [xs[0], *((a + b) / 2 for a, b in pairwise(xs)), xs[-1]]
    return [
        Hover(f"{left:.1f}", f"{max(right - left, 0.5):.1f}", _hover_text(point))
        for point, left, right in zip(points, edges, edges[1:], strict=False)
    ]


def _hover_text(point: Point) -> str:
    parts = [f"{point.timestamp.astimezone(UTC):%H:%M:%S}"]
    if point.power_w is not None:
        parts.append(f"{point.power_w / 1000:.1f} kW")
    if point.energy_wh is not None:
        parts.append(f"{point.energy_wh / 1000:.2f} kWh")
    return " · ".join(parts)


def day_bars(days: Sequence[tuple[date, float]]) -> list[Bar]:
    """Return one column a day, the highest of them 100 %."""
    top = max((wh for _, wh in days), default=0.0)
    return [Bar(f"{day:%a %d}", wh, round(100 * wh / top) if top > 0 else 0) for day, wh in days]
