"""Commands: from the POST over REST to the station's answer, at the instance that holds the station and across two.

One caller asks for one command after the other, of idle stations that answer at once: what is measured is the way,
not the throughput. Both instances share the server's core; they hardly ever work at the same moment.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import cycle
from time import perf_counter
from typing import Any

from bench.answering import AnsweringStations
from bench.machine import CpuShares
from bench.results import Latency, Row
from bench.scenarios import Effort, Failed
from bench.stack import Rig, Subject

SCENARIO = "commands"
SAME, ACROSS = "command_same", "command_across"
UNIT = "commands/s, one after the other"
_STATIONS = 20
_WARM = 30
# The two ways take turns in portions of this many, so that both meet the same machine.
_PORTION = 25


def measure(rig: Rig, holder: Subject, effort: Effort) -> tuple[list[Row], list[dict[str, Any]]]:
    """Return a row for each way, and every measurement. `holder` holds the stations; a second instance is started.

    Raises:
        Failed: a command was not carried out.
    """
    other = rig.gateway(holder.name)
    portions = max(4, int(effort.seconds * effort.rounds * 40) // _PORTION)
    try:
        stations = AnsweringStations(holder.targets(rig.stations[:_STATIONS]))
        with stations, _caller(rig, holder) as same, _caller(rig, other) as across:
            return _take_turns(rig, holder, other, {SAME: same, ACROSS: across}, portions)
    finally:
        rig.stop(other)


class _Caller:
    """One program that uses the REST API of one instance, over one connection."""

    def __init__(self, rig: Rig, subject: Subject) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", subject.port, timeout=30)
        self._headers = {"Authorization": f"Bearer {rig.access}", "Content-Type": "application/json"}
        self._stations = cycle([one.identity for one in rig.stations[:_STATIONS]])
        self._body = json.dumps({"action": "DataTransfer", "payload": {"vendorId": "Bench", "data": "x" * 40}})

    def command(self) -> float:
        """Have one command carried out and return how long it took, in seconds."""
        path = f"/api/v1/chargepoints/{next(self._stations)}/commands?wait=20"
        begin = perf_counter()
        self._connection.request("POST", path, self._body, self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        took = perf_counter() - begin
        if answer.status != 200 or json.loads(body)["state"] != "accepted":
            raise Failed(f"a command was answered with {answer.status}: {body[:200].decode(errors='replace')}")
        return took

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


@contextmanager
def _caller(rig: Rig, subject: Subject) -> Iterator[_Caller]:
    caller = _Caller(rig, subject)
    try:
        for _ in range(_WARM):
            caller.command()
        yield caller
    finally:
        caller.close()


def _take_turns(
    rig: Rig, holder: Subject, other: Subject, callers: dict[str, _Caller], portions: int
) -> tuple[list[Row], list[dict[str, Any]]]:
    took: dict[str, list[float]] = {way: [] for way in callers}
    shares = CpuShares({**rig.pids(), "server": holder.process.pid, "other instance": other.process.pid})
    for _ in range(portions):
        for way, caller in callers.items():
            took[way] += [caller.command() for _ in range(_PORTION)]
    cpu, _ = shares.until_now()
    rows = [_row(holder.name, way, seconds) for way, seconds in took.items()]
    details = [{"server": row.server, "scenario": row.scenario, "kind": "one by one", **asdict(row)} for row in rows]
    return rows, [facts | {"commands": portions * _PORTION, "cpu": cpu} for facts in details]


def _row(server: str, way: str, seconds: list[float]) -> Row:
    rate = round(len(seconds) / sum(seconds), 1)
    return Row(server, way, rate, None, UNIT, None, **asdict(Latency.of(seconds)))
