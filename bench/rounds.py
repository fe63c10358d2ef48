"""The order of a run: our server and the yardstick take turns, so that both meet the same machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, TypeVar

from bench import commands, scenarios
from bench.dial import DialError
from bench.machine import DISTURBED, STRANGERS, Patience
from bench.results import Row, make_row
from bench.scenarios import Effort, Failed, Figure, Load
from bench.scripts import PLAYS
from bench.stack import Rig, Subject

# Idle first: a server that has been under load holds memory that new connections then do not need to ask for.
SCENARIOS = ("idle", "connects", "heartbeat", "meter_values", "transaction", commands.SCENARIO)
_UNITS = {
    "idle": "KiB/connection",
    "connects": "connects/s",
    "heartbeat": "CALLs/s",
    "meter_values": "CALLs/s",
    "transaction": "transactions/s",
}
# Latencies are measured at this share of the most that the server answers.
_PACE = 0.5


Result = TypeVar("Result", Load, Figure)


@dataclass(slots=True)
class Outcome:
    """Rows of what was measured, every single measurement, and what failed."""

    patience: Patience
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
            rows = self._rows()
        except (Failed, DialError) as error:
            self.outcome.failures.append(f"{self.ours.name} {self.scenario}: {error}")
            print(f"  FAILED: {error}", flush=True)
        else:
            self.outcome.rows += rows

    def _rows(self) -> list[Row]:
        if self.scenario == commands.SCENARIO:
            return self._commands()
        return [self._loads() if self.scenario in PLAYS else self._connections()]

    def _commands(self) -> list[Row]:
        self.outcome.patience.wait_for_quiet({**self.rig.pids(), "server": self.ours.process.pid})
        rows, details = commands.measure(self.rig, self.ours, self.effort)
        for row, facts in zip(rows, details, strict=True):
            latency = f"p50 {row.p50_ms} p95 {row.p95_ms} p99 {row.p99_ms} ms"
            self._tell(f"{row.scenario}: {row.ours} {row.unit}, {latency}{_busy(facts['cpu'])}")
        self.outcome.details += details
        return rows

    def _connections(self) -> Row:
        rounds = 1 if self.scenario == "idle" else self.effort.rounds
        pairs = [(self._connection(self.ours), self._connection(self.yardstick)) for _ in range(rounds)]
        return make_row(self.ours.name, self.scenario, _UNITS[self.scenario], pairs)

    def _connection(self, subject: Subject) -> float:
        measure = scenarios.idle if self.scenario == "idle" else scenarios.connects
        figure = self._undisturbed(lambda: measure(self.rig, subject, self.effort))
        self._tell(f"{subject.name}: {figure.value:,.1f} {_UNITS[self.scenario]}{_busy(figure.cpu)}")
        self._keep(self.scenario, {"subject": subject.name, **asdict(figure)})
        return figure.value

    def _loads(self) -> Row:
        loads = [(self._saturate(self.ours), self._saturate(self.yardstick)) for _ in range(self.effort.rounds)]
        calls = median(ours.calls_per_second for ours, _ in loads)
        paced = self._undisturbed(
            lambda: scenarios.pace(self.rig, self.ours, self.scenario, self.effort, calls * _PACE)
        )
        self._report(self.ours, "paced", paced)
        pairs = [(ours.rate, yardstick.rate) for ours, yardstick in loads]
        return make_row(self.ours.name, self.scenario, _UNITS[self.scenario], pairs, paced.latency)

    def _saturate(self, subject: Subject) -> Load:
        load = self._undisturbed(lambda: scenarios.saturate(self.rig, subject, self.scenario, self.effort))
        self._report(subject, "saturated", load)
        return load

    def _undisturbed(self, measure: Callable[[], Result]) -> Result:
        """Return what was measured; while there is patience left, what others have disturbed is thrown away."""
        while True:
            self.outcome.patience.wait_for_quiet({**self.rig.pids(), "server": self.ours.process.pid})
            result = measure()
            if result.cpu[STRANGERS] < DISTURBED or self.outcome.patience.over:
                return result
            self._tell(f"disturbed by other programs ({result.cpu[STRANGERS]:.0%} of a core), once more")

    def _report(self, subject: Subject, kind: str, load: Load) -> None:
        latency = load.latency
        self._tell(
            f"{subject.name} {kind}: {load.rate:,.0f} {_UNITS[self.scenario]},"
            f" p50 {latency.p50_ms:.1f} p95 {latency.p95_ms:.1f} p99 {latency.p99_ms:.1f} ms;"
            f" {load.server_us_per_call:.0f} us of server per CALL{_busy(load.cpu)}"
        )
        self._keep(kind, {"subject": subject.name, **asdict(load)})

    def _keep(self, kind: str, facts: dict[str, Any]) -> None:
        self.outcome.details.append({"server": self.ours.name, "scenario": self.scenario, "kind": kind, **facts})

    def _tell(self, text: str) -> None:
        print(f"  {self.scenario:<13} {text}", flush=True)


def _busy(cpu: dict[str, float]) -> str:
    shares = ", ".join(f"{name} {share:.0%}" for name, share in cpu.items() if share >= 0.01)
    return f"; {shares}" + (" DISTURBED" if cpu[STRANGERS] >= DISTURBED else "")
