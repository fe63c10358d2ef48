"""Medians, ratios and percentiles; what is stored is compared with what was acknowledged."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from bench import chart, results
from bench.results import Latency, make_row
from bench.stored import Counts, differences


def test_ratios_are_taken_pair_by_pair() -> None:
    row = make_row("uvicorn", "heartbeat", "CALLs/s", [(100, 50), (300, 100), (200, 400)])
    assert (row.ours, row.yardstick, row.ratio) == (200, 100, 2.0)


def test_percentiles_are_in_milliseconds() -> None:
    latency = Latency.of([n / 1000 for n in range(1, 101)])
    assert (latency.p50_ms, latency.p95_ms, latency.p99_ms) == (51, 96, 100)
    with pytest.raises(ValueError, match="no CALL"):
        Latency.of([])


def test_a_lost_message_is_named() -> None:
    before, after = Counts(10, 2, 2), Counts(30, 5, 4)
    acknowledged = {"MeterValues": 21, "StartTransaction": 3, "StopTransaction": 2}
    assert differences(before, after, acknowledged) == ["21 MeterValues were acknowledged, 20 are stored"]
    assert differences(before, after, acknowledged | {"MeterValues": 20}) == []


def test_files_and_picture_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    rows = [
        make_row("daphne", "heartbeat", "CALLs/s", [(9000, 7000)], Latency(1, 2, 3)),
        make_row("daphne", "idle", "KiB/connection", [(30, 60)]),
    ]
    results.write(rows, {"cores": 2}, [])
    chart.draw(rows, tmp_path / "latest.png")
    assert json.loads((tmp_path / "latest.json").read_text()) == [asdict(row) for row in rows]
    assert (tmp_path / "latest.png").read_bytes().startswith(b"\x89PNG")
