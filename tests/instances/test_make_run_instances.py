"""`make run INSTANCES=3`: three gateways on consecutive ports that know each other's stations."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from csms.embedded.ports import any_free, is_free
from tests.embedded.test_playground import Terminal
from tests.instances.instances import clients, executed, send
from tests.instances.light_station import LightStation

pytestmark = pytest.mark.slow


def three_free_ports() -> int:
    """Return the first of three consecutive ports that nobody uses."""
    while True:
        port = any_free()
        if all(is_free(port + place) for place in range(3)):
            return port


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path / "data", three_free_ports())
    # What a terminal of a single process may say must not part the three.
    terminal.environment |= {"INSTANCES": "3", "SIMULATE": "0", "REDIS_DISTRIBUTED_STATE": "false"}
    terminal.start()
    yield terminal
    terminal.end(signal.SIGTERM)


async def test_every_instance_lists_and_commands_the_stations_of_all(terminal: Terminal) -> None:
    addresses = terminal.run_file["http"]
    assert addresses == [f"http://127.0.0.1:{terminal.port + place}" for place in range(3)]
    described: dict[str, Any] = json.loads((terminal.directory / "playground.json").read_text())
    tenant = described["tenants"][0]
    stations = [
        LightStation(one["id"], httpx.URL(one["url"]).path, one["key"]) for one in tenant["stations"][: len(addresses)]
    ]
    for station, address in zip(stations, addresses, strict=True):
        await station.connect(address)
        await station.line.call("BootNotification", {"chargePointVendor": "Acme", "chargePointModel": "Wallbox"})
    token = {"Authorization": f"Bearer {tenant['users'][0]['access']}"}
    listed: list[dict[str, str]] = []
    for place, address in enumerate(addresses):
        async with httpx.AsyncClient(base_url=f"{address}/api/v1", headers=token, timeout=60) as api:
            listed.append(await clients(api))
            other = stations[(place + 1) % 3]
            assert (await send(api, other, f"from {place}")).json()["state"] == "accepted"
        async with httpx.AsyncClient(base_url=address, headers=token) as outside:
            assert len((await outside.get("/clients")).json()["results"]) == len(stations)
    assert listed[0] == listed[1] == listed[2]
    assert set(listed[0]) == {station.id for station in stations}
    assert [name.rpartition("-")[0] for name in listed[0].values()] == ["csms-1", "csms-2", "csms-3"]
    assert [executed(station) for station in stations] == [["from 2"], ["from 0"], ["from 1"]]
    for station in stations:
        station.drop()
