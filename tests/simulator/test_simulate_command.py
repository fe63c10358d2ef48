"""`manage.py simulate`: what it says when it cannot start, and that it runs a fleet once."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from http import HTTPStatus
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from ocpp_gateway.simulator.clock import Clock
from ocpp_gateway.simulator.drivers import Habits, Tags
from ocpp_gateway.simulator.fleet import Fleet
from ocpp_gateway.simulator.uplink import Address
from tests.simulator.central import Central


def write_credentials(path: Path, url: str, count: int = 2) -> Path:
    stations = [{"id": f"tenant1_CP{n}", "key": f"key-{n}", "url": f"{url}-{n}"} for n in range(count)]
    path.write_text(json.dumps({"tenants": [{"slug": "tenant1", "stations": stations, "id_tags": ["TAG1"]}]}))
    return path


def test_without_credentials_it_says_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"start `make run` once, or `manage.py create_test_tenants --json"):
        call_command("simulate", credentials=tmp_path / "none.json")


def test_more_stations_than_there_are_keys(tmp_path: Path) -> None:
    path = write_credentials(tmp_path / "keys.json", "ws://127.0.0.1:9/ocpp/tenant1/x")
    with pytest.raises(CommandError, match=r"tenant1 has 2 stations in .*, not 5"):
        call_command("simulate", credentials=path)


def test_an_unknown_tenant(tmp_path: Path) -> None:
    path = write_credentials(tmp_path / "keys.json", "ws://127.0.0.1:9/ocpp/tenant1/x")
    with pytest.raises(CommandError, match="no tenant 'tenant9'; it has tenant1"):
        call_command("simulate", credentials=path, tenant="tenant9")


async def run_command(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "manage.py", "simulate", *arguments,
        cwd=settings.BASE_DIR, env=os.environ | {"DEBUG": "true"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


async def test_once_ends_with_a_summary_and_success(central: Central, tmp_path: Path) -> None:
    path = write_credentials(tmp_path / "keys.json", central.url)
    process = await run_command("--count", "2", "--speed", "2000", "--once", "--seed", "4", "--credentials", str(path))
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert "2 sessions" in out.decode().splitlines()[-1]
    assert "seed 4" in out.decode().splitlines()[-1]
    assert len(central.of("StopTransaction")) == 2


async def test_a_station_that_is_refused_fails_the_command(central: Central, tmp_path: Path) -> None:
    path = write_credentials(tmp_path / "keys.json", "ws://127.0.0.1:9/ocpp/tenant1/x")
    central.refuse = HTTPStatus.NOT_FOUND
    process = await run_command(
        "--count", "1", "--once", "--credentials", str(path), "--url", central.url.split("/ocpp")[0]
    )
    async with asyncio.timeout(30):
        _, err = await process.communicate()
    assert process.returncode == 1
    assert "tenant1_CP0: upgrade refused with HTTP 404" in err.decode()


async def test_sigterm_stops_the_charges_and_the_command(central: Central, tmp_path: Path) -> None:
    path = write_credentials(tmp_path / "keys.json", central.url)
    process = await run_command("--count", "2", "--speed", "200", "--credentials", str(path))
    async with asyncio.timeout(30):
        while not central.of("MeterValues"):
            central.changed.clear()
            await central.changed.wait()
        process.send_signal(signal.SIGTERM)
        out, _ = await process.communicate()
    assert process.returncode == 0
    assert "ending the charges" in out.decode()
    assert len(central.of("StartTransaction")) == len(central.of("StopTransaction"))


def test_the_fleet_repeats_itself_with_the_same_seed() -> None:
    def models(seed: int) -> list[tuple[str, int]]:
        addresses = [Address("ws://127.0.0.1:9/x", f"CP{n}", "key") for n in range(20)]
        fleet = Fleet(addresses, Habits(Tags(["TAG1"])), Clock(), seed, lambda identity, text: None)
        return [(station.model.name, station.connectors[1].meter.wh) for station in fleet.stations]

    assert models(1) == models(1)
    assert models(1) != models(2)
