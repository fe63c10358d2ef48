"""Commands that are refused before anything is stored or sent."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from csms.embedded.program import Gateway
from tests.instances.instances import Cluster, executed, send
from tests.instances.light_station import LightStation

RESET = {"action": "Reset", "payload": {"type": "Soft"}}


def assert_problem(answer: httpx.Response, status: int, code: str) -> None:
    """Check that an answer is a problem document with this status and code."""
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "body",
    [
        {"action": "Reset", "payload": {}},
        {"action": "Reset", "payload": {"type": "Sideways"}},
        {"action": "Reset", "payload": {"type": "Soft", "more": 1}},
        {"action": "Reset", "payload": ["Soft"]},
        {"action": "Reset", "payload": {"type": "Soft"}, "expires_in": 0},
        {"action": "Reset", "payload": {"type": "Soft"}, "expires_in": 10**9},
        {"action": "RemoteStopTransaction", "payload": {"transactionId": "1"}},
        {"action": "RemoteStopTransaction", "payload": {"transactionId": 2**63}},
        {"payload": {"type": "Soft"}},
        {"action": "", "payload": {}},
    ],
    ids=str,
)
async def test_a_body_that_is_wrong(
    cluster: Cluster, station: LightStation, api: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    answer = await api.post(f"/chargepoints/{station.id}/commands", json=body)
    assert answer.status_code == 400, answer.text
    assert cluster.commands(station) == []
    assert station.line.asked == []


@pytest.mark.parametrize(
    "action",
    [
        "Heartbeat",
        "StartTransaction",
        "BootNotification",
        "FirmwareStatusNotification",
        "DiagnosticsStatusNotification",
        "SecurityEventNotification",
        "SignCertificate",
        "ResetResponse",
        "reset",
        "SetVariables",
        "../../v201/schemas/Reset",
        "Reset\x00",
        "Reset ",
        "Réset",
    ],
)
async def test_an_action_that_no_station_is_asked_for(
    cluster: Cluster, station: LightStation, api: httpx.AsyncClient, action: str
) -> None:
    answer = await api.post(f"/chargepoints/{station.id}/commands", json={"action": action, "payload": {}})
    assert answer.status_code == 400, answer.text
    assert cluster.commands(station) == []


@pytest.mark.parametrize("query", ["?wait=soon", "?wait=-1", "?wait=", "?wait=nan"])
async def test_a_wait_that_is_no_time(
    cluster: Cluster, station: LightStation, api: httpx.AsyncClient, query: str
) -> None:
    answer = await api.post(f"/chargepoints/{station.id}/commands{query}", json=RESET)
    assert answer.status_code == 400
    assert cluster.commands(station) == []


async def test_an_idempotency_key_that_is_too_long(
    cluster: Cluster, station: LightStation, api: httpx.AsyncClient
) -> None:
    key = {"Idempotency-Key": "k" * 101}
    answer = await api.post(f"/chargepoints/{station.id}/commands", json=RESET, headers=key)
    assert answer.status_code == 400
    assert cluster.commands(station) == []


async def test_a_station_that_nobody_knows(api: httpx.AsyncClient) -> None:
    for path in ("/chargepoints/tenant1_NOBODY/commands", "/chargepoints/tenant1_NOBODY/reset"):
        assert_problem(await api.post(path, json=RESET), 404, "not_found")
    assert_problem(await api.get("/commands/000000000000000000000000"), 404, "not_found")
    assert_problem(await api.post("/commands/000000000000000000000000/cancel"), 404, "not_found")


async def test_another_tenants_station_and_command(
    cluster: Cluster, instances: list[Gateway], station: LightStation, offline: LightStation, api: httpx.AsyncClient
) -> None:
    """They do not exist for a stranger, whatever he knows of them."""
    done = (await send(api, station, "it")).json()
    async with cluster.api(instances[0], tenant="tenant2") as stranger:
        for path in ("commands", "commands?wait=5", "reset", "unlock"):
            assert_problem(await stranger.post(f"/chargepoints/{station.id}/{path}", json=RESET), 404, "not_found")
        assert_problem(await stranger.get(f"/chargepoints/{station.id}/commands"), 404, "not_found")
        assert_problem(await stranger.get(f"/commands/{done['id']}"), 404, "not_found")
        assert_problem(await stranger.post(f"/commands/{done['id']}/cancel"), 404, "not_found")
        listed = (await stranger.get(f"/commands?charge_point_id={station.id}")).json()
        assert listed["results"] == []
    assert executed(station) == ["it"]
    assert len(cluster.commands(station)) == 1


async def test_a_viewer_may_look_and_ask_for_nothing(
    cluster: Cluster, instances: list[Gateway], station: LightStation, api: httpx.AsyncClient
) -> None:
    done = (await send(api, station, "it")).json()
    async with cluster.api(instances[1], role="viewer") as viewer:
        for path in (f"/chargepoints/{station.id}/commands", f"/chargepoints/{station.id}/clear-cache"):
            assert_problem(await viewer.post(path, json={"action": "ClearCache"}), 403, "permission_denied")
        assert_problem(await viewer.post(f"/commands/{done['id']}/cancel"), 403, "permission_denied")
        assert (await viewer.get(f"/commands/{done['id']}")).json() == done
        assert (await viewer.get(f"/chargepoints/{station.id}/commands")).json()["results"] == [done]
    assert len(cluster.commands(station)) == 1


async def test_without_a_token(instances: list[Gateway], station: LightStation) -> None:
    async with httpx.AsyncClient(base_url=f"{instances[0].url}/api/v1") as nobody:
        assert_problem(await nobody.post(f"/chargepoints/{station.id}/commands", json=RESET), 401, "not_authenticated")
