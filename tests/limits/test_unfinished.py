"""A flood of connections that ask for nothing, against the whole product."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from csms.serve.start import SERVERS
from tests.limits.conftest import connected
from tests.people import Operator
from tests.serve.test_unfinished import MOST, flood, refused
from tests.serving import Gateway

TOKEN = secrets.token_hex(16)


@pytest.fixture(params=SERVERS)
def strict(request: pytest.FixtureRequest, directory: Path, global_database: None) -> Iterator[Gateway]:
    """Each server, with few places."""
    settings = {"HTTP_UNFINISHED_PER_ADDRESS": str(MOST), "METRICS_TOKEN": TOKEN, "REDIS_STATE_PREFIX": "unfinished"}
    gateway = Gateway(request.param, directory, settings)
    gateway.start()
    yield gateway
    gateway.stop()


def refusals(gateway: Gateway) -> float:
    url, headers = gateway.url.replace("ws", "http"), {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.9")) as client:
        lines = client.get(f"{url}/metrics", headers=headers).text.splitlines()
    return float(next(line for line in lines if line.startswith("csms_connections_refused_total")).split()[1])


async def test_it_keeps_no_station_out(strict: Gateway, anna: Operator) -> None:
    here, elsewhere = anna.installs(), anna.installs()
    station = await connected(strict, here, "127.0.0.1")

    flooding = flood(strict.port)

    assert refused(strict.port)
    await station.assert_replied("Heartbeat")
    async with await connected(strict, elsewhere, "127.0.0.2") as other:
        await other.assert_replied("Heartbeat")
    assert len(flooding) <= MOST
    assert refusals(strict) >= 300 - MOST
    await station.drop()
