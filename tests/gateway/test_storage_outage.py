"""Handshakes while MongoDB is down: 503 and when to come back, never "unknown" or "wrong key"."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from csms.embedded.mongodb import MongoServer
from tests.embedded.private_servers import PrivateServers
from tests.gateway.conftest import SERVERS
from tests.serving import Gateway
from tests.station import basic
from tests.upgrade import HttpAnswer, upgrade

pytestmark = pytest.mark.slow


@pytest.fixture
def mongod(private_servers: PrivateServers) -> MongoServer:
    """A server of the test's own."""
    return private_servers.mongodb()


@pytest.fixture(params=SERVERS)
def gateway(request: pytest.FixtureRequest, mongod: MongoServer, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway that gives up on MongoDB after a second."""
    process = Gateway(request.param, tmp_path, {"MONGODB_URI": mongod.url, "STORAGE_TIMEOUT": "1s"})
    try:
        process.start()
        yield process
    finally:
        process.stop()


async def knock(gateway: Gateway) -> HttpAnswer:
    """Return the answer to a station of a tenant that nobody has asked for before, so that none is remembered."""
    return await upgrade(gateway.port, f"/ocpp/t{secrets.token_hex(4)}/CP1", authorization=basic("CP1", "0" * 40))


async def test_no_station_is_turned_away_for_good_by_an_outage(gateway: Gateway, mongod: MongoServer) -> None:
    assert (await knock(gateway)).status == 404
    mongod.stop()
    assert_come_back_later(await knock(gateway))
    mongod.start()
    assert (await knock(gateway)).status == 404
    assert gateway.process.running


def assert_come_back_later(answer: HttpAnswer) -> None:
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0


async def test_a_gateway_that_starts_before_its_database_waits_for_it(
    private_servers: PrivateServers, tmp_path: Path
) -> None:
    mongod = private_servers.mongodb()
    mongod.stop()
    process = Gateway("uvicorn", tmp_path, {"MONGODB_URI": mongod.url, "STORAGE_TIMEOUT": "1s"})
    try:
        process.start()
        assert_come_back_later(await knock(process))
        mongod.start()
        assert (await knock(process)).status == 404
    finally:
        process.stop()
