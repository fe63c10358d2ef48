"""Figures of a run: medians over rounds, one row per server and scenario, and the files they are kept in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True, slots=True)
class Latency:
    """How long answers took, in milliseconds."""

    p50_ms: float
    p95_ms: float
    p99_ms: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Latency:
        """Return the percentiles of a stretch; raises ValueError when nothing was answered in it."""
        if not seconds:
            raise ValueError("no CALL was answered in the measured time")
        ordered = sorted(seconds)
        points = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.95, 0.99))
        return cls(*(round(point * 1000, 2) for point in points))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of `latest.json`; the latencies are ours, at half of our own rate, or None.

    Without a yardstick where the bare libraries have nothing of the kind.
    """

    server: str
    scenario: str
    ours: float
    yardstick: float | None
    unit: str
    ratio: float | None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None


def make_row(
    server: str,
    scenario: str,
    unit: str,
    pairs: Sequence[tuple[float, float]],
    latency: Latency | None = None,
) -> Row:
    """Return the medians of (ours, yardstick) pairs that were measured together, and of their ratios."""
    return Row(
        server,
        scenario,
        round(median(ours for ours, _ in pairs), 1),
        round(median(yardstick for _, yardstick in pairs), 1),
        unit,
        round(median(ours / yardstick for ours, yardstick in pairs), 2),
        **(asdict(latency) if latency else {}),
    )


def write(rows: Sequence[Row], machine: dict[str, Any], details: list[dict[str, Any]]) -> None:
    """Write `latest.json`; `machine.json` says where it was measured, `details.json` has every round."""
    RESULTS.mkdir(exist_ok=True)
    _write("latest.json", [asdict(row) for row in rows])
    _write("machine.json", machine)
    _write("details.json", details)


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table for the terminal."""
    head = (
        f"{'server':<9}{'scenario':<16}{'ours':>10}{'yardstick':>11}{'ratio':>7}  {'p50':>7}{'p95':>8}{'p99':>8}  unit"
    )
    return "\n".join([head, *(_line(row) for row in rows)])


def _line(row: Row) -> str:
    latencies = [f"{value:.1f}" if value is not None else "-" for value in (row.p50_ms, row.p95_ms, row.p99_ms)]
    yardstick = "-" if row.yardstick is None else f"{row.yardstick:,.1f}"
    ratio = "-" if row.ratio is None else f"{row.ratio:.2f}"
    return (
        f"{row.server:<9}{row.scenario:<16}{row.ours:>10,.1f}{yardstick:>11}{ratio:>7}"
        f"  {latencies[0]:>7}{latencies[1]:>8}{latencies[2]:>8}  {row.unit}"
    )


def _write(name: str, content: Any) -> None:
    temporary = RESULTS / f"{name}.tmp"
    temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    temporary.replace(RESULTS / name)
