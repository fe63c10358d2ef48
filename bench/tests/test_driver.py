"""The load generator against the yardstick: it counts what was answered, and hides no error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.dial import DialError, Target, dial
from bench.driver import Driver, Script, Stage
from bench.scripts import Vehicle, boot, charges, heartbeats, metering, start, stop
from csms.embedded.ports import answers, any_free
from csms.embedded.process import Process
from csms.embedded.program import ROOT

KEYS = {f"tenant1_CP{number:03d}": f"key-{number}" for number in range(10)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a running yardstick."""
    directory = tmp_path_factory.mktemp("yardstick")
    keys = directory / "keys.json"
    keys.write_text(json.dumps(KEYS))
    port = any_free()
    command = [sys.executable, "-m", "bench.yardstick", "--port", str(port), "--credentials", str(keys)]
    process = Process("yardstick", command, Path(directory / "log"), directory=ROOT)
    process.start()
    try:
        process.wait_ready(lambda: answers(port), 20.0)
        yield port
    finally:
        process.stop()


@pytest.fixture
def targets(server: int) -> list[Target]:
    return [Target(f"ws://127.0.0.1:{server}/ocpp/tenant1/{name}", name, key) for name, key in KEYS.items()]


@pytest.fixture
def driver(targets: list[Target]) -> Iterator[Driver]:
    one = Driver(dial(targets, width=4), "test")
    yield one
    one.close()


def test_a_saturated_server_answers_all_that_is_counted(driver: Driver) -> None:
    stage = Stage()
    measured = driver.saturate([heartbeats(stage, Vehicle("T")) for _ in KEYS], stage, 0.05, 0.3)
    assert not stage.errors
    assert measured.units == pytest.approx(len(measured.latencies), abs=len(KEYS))
    assert stage.acknowledged["Heartbeat"] == stage.units > measured.units > 50
    assert all(0 < latency < 1 for latency in measured.latencies)


def test_a_pace_is_kept(driver: Driver) -> None:
    stage = Stage()
    measured = driver.pace([heartbeats(stage, Vehicle("T")) for _ in KEYS], stage, 0.05, 0.5, rate=400)
    assert not stage.errors
    assert len(measured.latencies) / measured.seconds == pytest.approx(400, rel=0.1)


def test_a_charge_runs_to_its_end_on_every_station(driver: Driver) -> None:
    stage = Stage()
    vehicles = [Vehicle("T") for _ in KEYS]
    driver.perform([boot(stage, vehicle) for vehicle in vehicles], stage)
    driver.perform([start(stage, vehicle) for vehicle in vehicles], stage)
    driver.saturate([metering(stage, vehicle) for vehicle in vehicles], stage, 0.05, 0.1)
    driver.perform([stop(stage, vehicle) for vehicle in vehicles], stage)
    assert len({vehicle.transaction for vehicle in vehicles}) == len(KEYS)
    assert stage.acknowledged["StartTransaction"] == stage.acknowledged["StopTransaction"] == len(KEYS)
    assert not stage.errors


def test_no_transaction_is_left_half_done(driver: Driver) -> None:
    stage = Stage()
    driver.saturate([charges(stage, Vehicle("T")) for _ in KEYS], stage, 0.05, 0.2)
    assert stage.acknowledged["MeterValues"] == 3 * stage.acknowledged["StartTransaction"]
    assert stage.acknowledged["StopTransaction"] == stage.acknowledged["StartTransaction"] == pytest.approx(stage.units)


def test_a_callerror_is_an_error(driver: Driver) -> None:
    def nonsense() -> Script:
        yield "Nonsense", b"{}"

    stage = Stage()
    driver.perform([nonsense() for _ in KEYS], stage)
    assert sum(stage.errors.values()) >= len(KEYS)
    assert any("Nonsense" in text or "CALLERROR" in text for text in stage.errors)


def test_a_refused_upgrade_says_why(server: int) -> None:
    with pytest.raises(DialError, match="401"):
        dial([Target(f"ws://127.0.0.1:{server}/ocpp/tenant1/tenant1_CP001", "tenant1_CP001", "wrong")])
