"""What is measured, and how one measurement of one server goes."""

from __future__ import annotations

import gc
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.dial import Target, dial
from bench.driver import Driver, Measured, Script, Stage
from bench.machine import STRANGERS, CpuShares, resident_kib
from bench.results import Latency
from bench.scripts import PLAYS, Play, Vehicle, boot
from bench.stack import Rig, Subject
from bench.stored import Counts, differences

# Long enough for a publisher that has fallen behind during a round.
EVENTS_WITHIN = 90.0


class Failed(Exception):
    """A measurement is worth nothing: errors came up, or what was acknowledged is not stored."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long and with how many stations to measure; times in seconds."""

    rounds: int
    warm: float
    seconds: float
    paced_seconds: float
    sockets: int
    idle: int  # stations of the idle scenario
    settle: float


FULL = Effort(rounds=3, warm=2.0, seconds=8.0, paced_seconds=8.0, sockets=150, idle=2000, settle=3.0)
QUICK = Effort(rounds=1, warm=0.7, seconds=2.5, paced_seconds=2.5, sockets=150, idle=500, settle=1.0)


@dataclass(slots=True)
class Load:
    """One measured load on one server: units per second, latencies, and each process's share of a core."""

    rate: float
    calls_per_second: float
    latency: Latency
    cpu: dict[str, float]
    server_us_per_call: float  # processor time; unlike the rate it hardly depends on what else runs
    drained: float | None = None  # seconds until the publisher had sent every event of this load


@dataclass(frozen=True, slots=True)
class Figure:
    """A single figure, and each process's share of a core meanwhile."""

    value: float
    cpu: dict[str, float]


def saturate(rig: Rig, subject: Subject, scenario: str, effort: Effort) -> Load:
    """Measure the most that a server answers, with one CALL outstanding on each socket. Raises Failed."""
    return _load(
        rig,
        subject,
        PLAYS[scenario],
        effort,
        lambda driver, scripts, stage: driver.saturate(scripts, stage, effort.warm, effort.seconds),
    )


def pace(rig: Rig, subject: Subject, scenario: str, effort: Effort, rate: float) -> Load:
    """Measure latencies while `rate` CALLs per second come in. Raises Failed."""
    return _load(
        rig,
        subject,
        PLAYS[scenario],
        effort,
        lambda driver, scripts, stage: driver.pace(scripts, stage, effort.warm, effort.paced_seconds, rate=rate),
    )


def connects(rig: Rig, subject: Subject, effort: Effort) -> Figure:
    """Return upgrades per second, Basic authentication included; closing is not part of the time."""
    targets = subject.targets(rig.stations[: effort.idle])
    shares = _shares(rig, subject)
    sockets = dial(targets)
    cpu, elapsed = shares.until_now()
    Driver(sockets, "unused").close()
    time.sleep(effort.settle)  # the server is busy with the closed sockets for a while
    return Figure(len(targets) / elapsed, cpu)


def idle(rig: Rig, subject: Subject, effort: Effort) -> Figure:
    """Return the KiB of resident memory that one more connected, booted, silent station takes."""
    targets = subject.targets(rig.stations)
    warm, cold = targets[: len(targets) - effort.idle], targets[len(targets) - effort.idle :]
    shares = _shares(rig, subject)
    with _booted(warm, effort), _settled(effort):
        before = resident_kib(subject.process.pid)
        with _booted(cold, effort), _settled(effort):
            after = resident_kib(subject.process.pid)
    # Memory is the same whatever else runs.
    return Figure((after - before) / len(cold), shares.until_now()[0] | {STRANGERS: 0.0})


def _shares(rig: Rig, subject: Subject) -> CpuShares:
    return CpuShares({**rig.pids(), "server": subject.process.pid})


@contextmanager
def _settled(effort: Effort) -> Iterator[None]:
    time.sleep(effort.settle)
    yield


@contextmanager
def _booted(targets: list[Target], effort: Effort) -> Iterator[None]:
    driver = Driver(dial(targets), _new_ids())
    try:
        stage = Stage()
        driver.perform([boot(stage, Vehicle("")) for _ in targets], stage)
        _require(stage)
        # A station that has booted is asked for its settings; it is idle once it has answered.
        driver.attend(effort.settle * 4)
        yield
    finally:
        driver.close()
    time.sleep(effort.settle)


def _load(
    rig: Rig,
    subject: Subject,
    play: Play,
    effort: Effort,
    measure: Callable[[Driver, list[Script], Stage], Measured],
) -> Load:
    ours = subject.name != "yardstick"
    before = rig.stored().counts()
    driver = Driver(dial(subject.targets(rig.stations[: effort.sockets])), _new_ids())
    vehicles = [Vehicle(tag) for tag in rig.id_tags[: effort.sockets]]
    stage = Stage()
    gc.collect()
    gc.disable()
    try:
        for part in play.before:
            driver.perform([part(stage, vehicle) for vehicle in vehicles], stage)
        # What a boot leads the server to ask is no part of the load.
        driver.attend(effort.settle)
        calls = -stage.acknowledged.total()
        shares = _shares(rig, subject)
        measured = measure(driver, [play.loop(stage, vehicle) for vehicle in vehicles], stage)
        cpu, elapsed = shares.until_now()
        calls += stage.acknowledged.total()
        for part in play.after:
            driver.perform([part(stage, vehicle) for vehicle in vehicles], stage)
    finally:
        gc.enable()
        driver.close()
    _require(stage)
    drained = _all_is_kept(rig, before, stage) if ours else None
    return Load(
        rate=measured.units / measured.seconds,
        calls_per_second=len(measured.latencies) / measured.seconds,
        latency=Latency.of(measured.latencies),
        cpu=cpu,
        server_us_per_call=round(1e6 * cpu["server"] * elapsed / calls, 1),
        drained=drained,
    )


def _all_is_kept(rig: Rig, before: Counts, stage: Stage) -> float:
    """Return the seconds until the last event was published. Raises Failed when a document or an event is missing."""
    if missing := differences(before, rig.stored().counts(), stage.acknowledged):
        raise Failed("; ".join(missing))
    drained = rig.stored().wait_for_events(EVENTS_WITHIN)
    if drained is None:
        raise Failed(f"events were still waiting for the publisher {EVENTS_WITHIN:.0f} s after the load")
    return round(drained, 1)


def _require(stage: Stage) -> None:
    if stage.errors:
        raise Failed("; ".join(f"{text} ({times}x)" for text, times in stage.errors.items()))


def _new_ids() -> str:
    return secrets.token_hex(4)
