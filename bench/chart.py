"""Draws the rows of a run as a picture: throughput beside the yardstick, latency, memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

from bench.results import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_YARDSTICK = "#b6bcc6"
_OURS = {"daphne": "#2f6db5", "uvicorn": "#e08a2c"}
_INK = "#2a2f37"
_CAPTION = "The server has one core, all else another; the bare libraries have no database behind them"
_TITLES = {
    "heartbeat": "Heartbeat",
    "meter_values": "MeterValues, durable",
    "transaction": "Whole transaction, durable",
    "connects": "Connects",
    "idle": "Memory per idle connection",
}


def draw(rows: Sequence[Row], path: Path) -> None:
    """Write a PNG with one panel per scenario that was measured, and one for latencies."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    scenarios = [name for name in _TITLES if any(row.scenario == name for row in rows)]
    paced = [row for row in rows if row.p99_ms is not None and row.yardstick is not None]
    commands = [row for row in rows if row.p99_ms is not None and row.yardstick is None]
    latencies = [
        pair for pair in ((paced, "Latency at half the load"), (commands, "Command, POST to answer")) if pair[0]
    ]
    panels = len(scenarios) + len(latencies)
    columns = min(3, panels)
    lines = -(-panels // columns)
    figure, grid = plt.subplots(lines, columns, figsize=(4.3 * columns, 3.3 * lines), squeeze=False)
    axes = list(grid.flat)
    for axis, scenario in zip(axes, scenarios, strict=False):
        _bars(axis, scenario, [row for row in rows if row.scenario == scenario])
    for axis, (some, title) in zip(axes[len(scenarios) :], latencies, strict=False):
        _latencies(axis, some, title)
    for axis in axes[panels:]:
        axis.set_visible(False)
    figure.suptitle(_CAPTION, color=_INK, fontsize=12)
    figure.tight_layout(rect=(0, 0, 1, 0.98))
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _bars(axis: Axes, scenario: str, rows: Sequence[Row]) -> None:
    names = ["bare ocpp +\nwebsockets", *(row.server for row in rows)]
    values = [sum(row.yardstick or 0 for row in rows) / len(rows), *(row.ours for row in rows)]
    colours = [_YARDSTICK, *(_OURS[row.server] for row in rows)]
    bars = axis.bar(names, values, color=colours, width=0.62)
    notes = [f"{values[0]:,.0f}", *(f"{row.ours:,.0f}\n({row.ratio:.2f}x)" for row in rows)]
    axis.bar_label(bars, notes, padding=2, fontsize=9, color=_INK)
    axis.set_ylim(0, max(values) * 1.3)
    _dress(axis, _TITLES[scenario], rows[0].unit + (", less is better" if scenario == "idle" else ""))


def _latencies(axis: Axes, rows: Sequence[Row], title: str) -> None:
    scenarios = list(dict.fromkeys(row.scenario for row in rows))
    servers = list(dict.fromkeys(row.server for row in rows))
    width = 0.8 / len(servers)
    for place, server in enumerate(servers):
        mine = {row.scenario: row for row in rows if row.server == server}
        at = [spot - 0.4 + width * (place + 0.5) for spot in range(len(scenarios))]
        for share, alpha in (("p99_ms", 0.35), ("p95_ms", 0.65), ("p50_ms", 1.0)):
            values = [getattr(mine[name], share) if name in mine else 0 for name in scenarios]
            label = f"{server} {share.removesuffix('_ms')}"
            axis.bar(at, values, width * 0.9, color=_OURS[server], alpha=alpha, label=label)
    axis.set_xticks(range(len(scenarios)), [name.replace("_", " ") for name in scenarios])
    axis.legend(fontsize=7, frameon=False, ncols=len(servers))
    axis.set_ylim(0, max(row.p99_ms or 0 for row in rows) * 1.45)
    _dress(axis, title, "ms")


def _dress(axis: Any, title: str, unit: str) -> None:
    axis.set_title(title, fontsize=11, color=_INK)
    axis.set_ylabel(unit, fontsize=9, color=_INK)
    axis.tick_params(labelsize=9, colors=_INK)
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axis.grid(axis="y", color="#e6e8ec", linewidth=0.8)
    axis.set_axisbelow(True)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
