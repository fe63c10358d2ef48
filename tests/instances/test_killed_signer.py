"""kill -9 of an instance that has just signed: each station gets the certificate it has asked for, and only one."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chargepoints.certificates import create_ca
from csms.embedded.program import Gateway
from tests.instances.instances import TENANT, Cluster, connect_all, send
from tests.instances.light_station import LightStation
from tests.signing_requests import signing_request

STATIONS = 20
# So many requests are signed when the blow falls; the others are about to be, or were not read yet.
SIGNED = 5


@pytest.fixture
def signers(cluster: Cluster, tmp_path: Path) -> list[Gateway]:
    """Two instances with a CA, which the others do not have."""
    create_ca(tmp_path / "ca", "CA of the tests", datetime.now(UTC))
    return cluster.start("uvicorn-signer", "daphne-signer", CA_DIRECTORY=str(tmp_path / "ca"))


async def busy(station: LightStation, cluster: Cluster, signer: Gateway) -> None:
    """Have a station take its time over a command: what comes after it waits."""
    station.holding = True
    async with cluster.api(signer) as api:
        assert (await send(api, station, "first", "")).status_code == 202
    await station.until_asked("DataTransfer")


async def test_it_is_brought_by_another_instance(cluster: Cluster, signers: list[Gateway]) -> None:
    victim, heir = signers
    stations = cluster.stations(STATIONS)
    payloads = [{"csr": signing_request(station.id)} for station in stations]
    await connect_all(stations, [victim])
    await asyncio.gather(*(busy(station, cluster, victim) for station in stations))
    requests = cluster.product.database(TENANT)["certificate_requests"]
    with requests.watch() as changes:
        asked = [station.line.begin("SignCertificate", one) for station, one in zip(stations, payloads, strict=True)]
        for _ in range(SIGNED):
            await asyncio.to_thread(changes.next)
        victim.process.kill()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    for station in stations:
        await station.line.ended()
        station.holding = False
    await connect_all(stations, [heir])
    for station, payload, answer in zip(stations, payloads, answers, strict=True):
        if isinstance(answer, BaseException):  # it had none, so it asks again
            await station.line.call("SignCertificate", payload)
    for station in stations:
        brought = await station.until_asked("CertificateSigned")
        await cluster.until_command(brought.message_id, lambda one: one["state"] == "accepted")
        await station.line.call("Heartbeat", {})
    assert [len(station.asked("CertificateSigned")) for station in stations] == [1] * STATIONS
    kept = requests.find({"charge_point_id": {"$in": [station.id for station in stations]}})
    assert Counter((one["charge_point_id"], one["status"]) for one in kept) == {
        (station.id, "installed"): 1 for station in stations
    }
    for station in stations:
        station.drop()
