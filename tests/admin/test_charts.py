"""Charts: numbers in, coordinates out."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from sessions_app.admin import charts
from sessions_app.admin.charts import Point, day_bars, scale, session_chart, thin_out
from sessions_app.admin.quantities import duration, energy, power
from tenants.admin_site.display import span

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def _points(count: int) -> list[Point]:
    return [Point(NOON + timedelta(minutes=i), 6000.0, 100.0 * i) for i in range(count)]


@pytest.mark.parametrize(
    "values, ticks",
    [
        ([], []),
        ([None, None], []),
        ([0.0], [0.0, 0.00025, 0.0005, 0.00075, 0.001]),
        ([7.4], [0.0, 2.0, 4.0, 6.0, 8.0]),
        ([150.0, None], [0.0, 50.0, 100.0, 150.0]),
        ([8.0], [0.0, 2.0, 4.0, 6.0, 8.0]),
        ([-3.0, 10.0], [0.0, 2.5, 5.0, 7.5, 10.0]),
    ],
)
def test_an_axis_has_few_round_numbers_and_holds_all(values: list[float | None], ticks: list[float]) -> None:
    assert scale(values) == pytest.approx(ticks)


def test_a_chart_runs_from_edge_to_edge() -> None:
    chart = session_chart(_points(61))
    assert chart is not None
    # 6 kW is the top of its axis; energy rises from the bottom left to the top right.
    assert chart.power_line.startswith(f"M{charts.LEFT}.0 {charts.TOP}.0 ")
    assert chart.energy_line.startswith(f"M{charts.LEFT}.0 {charts.HEIGHT - charts.BOTTOM}.0 ")
    assert chart.energy_line.endswith(f"L{charts.WIDTH - charts.RIGHT}.0 {charts.TOP}.0")
    assert [tick.text for tick in chart.left] == ["0", "2", "4", "6"]
    assert [tick.text for tick in chart.below] == ["12:00", "12:15", "12:30", "12:45", "13:00"]
    assert len(chart.hovers) == 61
    assert chart.hovers[30].text == "12:30:00 · 6.0 kW · 3.00 kWh"


@pytest.mark.parametrize("points", [[], _points(1), [_points(1)[0]] * 2])
def test_one_moment_is_no_chart(points: list[Point]) -> None:
    assert session_chart(points) is None


def test_a_station_that_measures_no_power_gets_its_energy_drawn() -> None:
    chart = session_chart([Point(NOON + timedelta(minutes=i), None, 10.0 * i) for i in range(3)])
    assert chart is not None
    assert (chart.power_line, chart.power_area, chart.left) == ("", "", [])
    assert chart.energy_line


def test_values_below_zero_stay_on_the_chart() -> None:
    chart = session_chart([Point(NOON, 5000.0, -20.0), Point(NOON + timedelta(minutes=1), -5000.0, 30.0)])
    assert chart is not None
    heights = [float(step.split()[0]) for step in chart.power_line.replace("M", "").replace("L", "").split(" ")[1::2]]
    assert max(heights) == charts.HEIGHT - charts.BOTTOM


@pytest.mark.parametrize("count", [2, 319, 320, 321, 1000, 3600])
def test_thinning_out_keeps_the_ends(count: int) -> None:
    points = _points(count)
    shown = thin_out(points, 320)
    assert len(shown) <= 321
    assert (shown[0], shown[-1]) == (points[0], points[-1])
    assert shown == sorted(shown, key=lambda point: point.timestamp)


def test_bars_are_in_percent_of_the_highest_day() -> None:
    bars = day_bars([(date(2026, 5, 1), 500.0), (date(2026, 5, 2), 1000.0), (date(2026, 5, 3), 0.0)])
    assert [(bar.label, bar.percent, bar.top) for bar in bars] == [
        ("Fri 01", 50, 50),
        ("Sat 02", 100, 0),
        ("Sun 03", 0, 100),
    ]
    assert [bar.percent for bar in day_bars([(date(2026, 5, 1), 0.0)])] == [0]


@pytest.mark.parametrize(
    "wh, text",
    [(None, "–"), (0.0, "0.00 kWh"), (12_345.0, "12.35 kWh"), (818_700.0, "818.7 kWh"), (2e7, "20.0 MWh")],
)
def test_energies_are_read_in_kilowatt_hours(wh: float | None, text: str) -> None:
    assert energy(wh) == text


def test_powers_durations_and_spans() -> None:
    assert power(7400.0) == "7.4 kW"
    assert duration(NOON, NOON + timedelta(minutes=65)) == "1 h 05 min"
    assert duration(NOON, NOON - timedelta(minutes=1)) == "–"
    assert [span(s) for s in (-5, 42, 60, 3599, 3600, 86399, 86400, 1e7)] == [
        *("0 s", "42 s", "1 min", "59 min"),
        *("1 h", "23 h", "1 d", "115 d"),
    ]
