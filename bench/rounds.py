"""The order of a run: our server and the yardstick take turns, so that both meet the same machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from bench import scenarios
from bench.dial import DialError
from bench.machine import DISTURBED, STRANGERS
from bench.results import Row, make_row
from bench.scenarios import Effort, Failed, Load
from bench.scripts import PLAYS
from bench.stack import Rig, Subject

# Idle first: a server that has been under load holds memory that new connections then do not need to ask for.
SCENARIOS = ("idle", "connects", "heartbeat", "meter_values", "transaction")
_UNITS = {
    "idle": "KiB/connection",
    "connects": "connects/s",
    "heartbeat": "CALLs/s",
    "meter_values": "CALLs/s",
    "transaction": "transactions/s",
}
# Latencies are measured at this share of the most that the server answers.
_PACE = 0.5


@dataclass(slots=True)
class Outcome:
    """Rows of what was measured, every single measurement, and what failed."""

    rows: list[Row] = field(default_factory=list)
    details: list[dict[str, Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def disturbed(self) -> int:
        """Return how many measurements other programs have disturbed."""
        return sum(facts.get("cpu", {}).get(STRANGERS, 0) >= DISTURBED for facts in self.details)


def measure(rig: Rig, server: str, chosen: Sequence[str], effort: Effort, outcome: Outcome) -> None:
    """Measure one of our servers against the yardstick; both are started afresh and stopped afterwards."""
    ours, yardstick = rig.gateway(server), rig.yardstick()
    try:
        for scenario in SCENARIOS:
            if scenario in chosen:
                _Round(rig, ours, yardstick, scenario, effort, outcome).run()
    finally:
        rig.stop(yardstick)
        rig.stop(ours)


@dataclass(slots=True)
class _Round:
    """One scenario on one server."""

    rig: Rig
    ours: Subject
    yardstick: Subject
    scenario: str
    effort: Effort
    outcome: Outcome

    def run(self) -> None:
        try:
            row = self._loads() if self.scenario in PLAYS else self._connections()
        except (Failed, DialError) as error:
            self.outcome.failures.append(f"{self.ours.name} {self.scenario}: {error}")
            print(f"  FAILED: {error}", flush=True)
        else:
            self.outcome.rows.append(row)

    def _connections(self) -> Row:
        once: Callable[[Rig, Subject, Effort], float] = getattr(scenarios, self.scenario)
        rounds = 1 if self.scenario == "idle" else self.effort.rounds
        pairs = []
        for _ in range(rounds):
            pair = [once(self.rig, subject, self.effort) for subject in (self.ours, self.yardstick)]
            self._tell(f"{pair[0]:,.1f} against {pair[1]:,.1f} {_UNITS[self.scenario]}")
            self._keep("both", {"ours": pair[0], "yardstick": pair[1]})
            pairs.append((pair[0], pair[1]))
        return make_row(self.ours.name, self.scenario, _UNITS[self.scenario], pairs)

    def _loads(self) -> Row:
        loads = [(self._saturate(self.ours), self._saturate(self.yardstick)) for _ in range(self.effort.rounds)]
        calls = median(ours.calls_per_second for ours, _ in loads)
        paced = scenarios.pace(self.rig, self.ours, self.scenario, self.effort, calls * _PACE)
        self._report(self.ours, "paced", paced)
        pairs = [(ours.rate, yardstick.rate) for ours, yardstick in loads]
        return make_row(self.ours.name, self.scenario, _UNITS[self.scenario], pairs, paced.latency)

    def _saturate(self, subject: Subject) -> Load:
        load = scenarios.saturate(self.rig, subject, self.scenario, self.effort)
        self._report(subject, "saturated", load)
        return load

    def _report(self, subject: Subject, kind: str, load: Load) -> None:
        latency, cpu = load.latency, load.cpu
        busy = ", ".join(f"{name} {share:.0%}" for name, share in cpu.items() if share >= 0.01)
        self._tell(
            f"{subject.name} {kind}: {load.rate:,.0f} {_UNITS[self.scenario]},"
            f"{'' if cpu[STRANGERS] < DISTURBED else ' (DISTURBED)'}"
            f" p50 {latency.p50_ms:.1f} p95 {latency.p95_ms:.1f} p99 {latency.p99_ms:.1f} ms;"
            f" {load.server_us_per_call:.0f} us of server per CALL; {busy}"
        )
        self._keep(kind, {"subject": subject.name, **load.facts()})

    def _keep(self, kind: str, facts: dict[str, Any]) -> None:
        self.outcome.details.append({"server": self.ours.name, "scenario": self.scenario, "kind": kind, **facts})

    def _tell(self, text: str) -> None:
        print(f"  {self.scenario:<13} {text}", flush=True)
