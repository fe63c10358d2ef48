"""What `make run` starts, as a stranger finds it: the addresses and keys it has written down are enough to charge."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from csms.embedded.ports import any_free
from tests.acceptance.mqtt_capture import MqttCapture
from tests.acceptance.ocpp_client import METER_START, METER_STOP, library_station, whole_charge
from tests.embedded.test_playground import Terminal

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path_factory.mktemp("make-run") / "data", any_free())
    terminal.start()
    yield terminal
    terminal.end(signal.SIGTERM)


async def test_a_stranger_charges_twice_and_finds_both_sessions(terminal: Terminal) -> None:
    tenant, other = tenants(terminal)
    # The simulated fleet takes the first stations.
    station = tenant["stations"][-1]
    with MqttCapture(terminal.run_file["mqtt"]) as capture:
        charged = []
        for url in (station["url"], station["alt_url"]):
            async with library_station(url, station["id"], station["key"]) as client:
                charged.append(await whole_charge(client, tenant["id_tags"][-1], datetime.now(UTC)))
        history = capture.wait_for(
            lambda heard: (
                sum(one.payload["event_type"] == "session.stopped" for one in heard.of_station(station["id"])) == 2
            )
        )
    assert len({one.transaction_id for one in charged}) == 2
    assert {one.payload["tenant_id"] for one in history.messages} == {tenant["slug"]}

    async with httpx.AsyncClient(base_url=f"{terminal.run_file['http'][0]}/api/v1") as api:
        mine = await api.get("/sessions", headers=bearer(tenant), params={"charge_point_id": station["id"]})
        theirs = await api.get("/sessions", headers=bearer(other))
    assert [one["energy_wh"] for one in mine.json()["results"]] == [METER_STOP - METER_START] * 2
    assert theirs.json()["results"] == []

    with MongoClient[dict[str, Any]](terminal.run_file["mongodb"]) as mongodb:
        assert mongodb[tenant["database"]]["sessions"].count_documents({"charge_point_id": station["id"]}) == 2
        assert mongodb[other["database"]]["sessions"].count_documents({}) == 0


def tenants(terminal: Terminal) -> list[dict[str, Any]]:
    """Return the two test tenants as the playground has written them down."""
    described: dict[str, Any] = json.loads((terminal.directory / "playground.json").read_text())
    found: list[dict[str, Any]] = described["tenants"]
    return found[:2]


def bearer(tenant: dict[str, Any]) -> dict[str, str]:
    """Return the header that logs in as the tenant's first user, with the token from the same file."""
    return {"Authorization": f"Bearer {tenant['users'][0]['access']}"}
