"""How many sockets there may be, and how many stations may come at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.limits.conftest import DEADLINE, LIMITS, connected, knock
from tests.people import Installed, Operator
from tests.serving import Gateway
from tests.station import Station
from tests.upgrade import HttpAnswer

PER_ADDRESS = int(LIMITS["OCPP_SOCKETS_PER_ADDRESS"])
FULL = "this address has as many connections as it may have"


async def until(status: int, gateway: Gateway, charger: Installed, address: str) -> HttpAnswer:
    """Knock until this is the answer: instances tell each other their numbers every two seconds."""
    async with asyncio.timeout(DEADLINE):
        while (answer := await knock(gateway, charger, address)).status != status:  # noqa: ASYNC110  nobody tells when
            await asyncio.sleep(1)
    return answer


async def fill(gateway: Gateway, chargers: list[Installed], address: str) -> list[Station]:
    return [await connected(gateway, charger, address) for charger in chargers]


async def leave(*stations: Station) -> None:
    for station in stations:
        await station.socket.close()


async def test_sockets_of_one_address_over_all_instances(pair: list[Gateway], anna: Operator, address: str) -> None:
    stations = await fill(pair[0], [anna.installs() for _ in range(PER_ADDRESS)], address)
    newcomer = anna.installs()
    for gateway in pair:
        refused = await until(503, gateway, newcomer, address)
        assert refused.body == FULL
        assert refused.headers["retry-after"] == "60"
        assert (await knock(gateway, newcomer, "127.0.0.1")).status == 101
    await leave(stations[0])
    for gateway in pair:
        await until(101, gateway, newcomer, address)
    await leave(*stations[1:])


async def test_a_station_may_take_its_own_place(pair: list[Gateway], anna: Operator, address: str) -> None:
    chargers = [anna.installs() for _ in range(PER_ADDRESS)]
    stations = await fill(pair[0], chargers, address)
    for gateway in pair:
        await until(503, gateway, anna.installs(), address)
    here_again = await connected(pair[0], chargers[0], address)
    there_again = await connected(pair[1], chargers[1], address)
    assert [await stations[0].closed(), await stations[1].closed()] == [1008, 1008]
    await leave(here_again, there_again, *stations[2:])


@pytest.fixture(scope="module")
def narrow(directory: Path, global_database: None) -> Iterator[Gateway]:
    """An instance with a narrow door."""
    settings = {"OCPP_HANDSHAKES_AT_ONCE": "10", "OCPP_SOCKETS_PER_TENANT": "70", "REDIS_STATE_PREFIX": "narrow"}
    gateway = Gateway("uvicorn", directory, settings)
    gateway.start()
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def slow(directory: Path, global_database: None) -> Iterator[Gateway]:
    """An instance that lets in two stations per second, without Redis."""
    settings = {"OCPP_CONNECTS_PER_SECOND": "2", "REDIS_DISTRIBUTED_STATE": "false"}
    gateway = Gateway("daphne", directory, settings)
    gateway.start()
    yield gateway
    gateway.stop()


async def test_a_storm(narrow: Gateway, anna: Operator) -> None:
    chargers = [anna.installs() for _ in range(60)]
    refusals: list[HttpAnswer] = []

    async def come(charger: Installed) -> None:
        while (answer := await knock(narrow, charger, "127.0.0.1")).status != 101:
            refusals.append(answer)
            await asyncio.sleep(0.2)  # less patient than it is told to be

    async with asyncio.timeout(60):
        await asyncio.gather(*(come(charger) for charger in chargers))
    assert {answer.status for answer in refusals} == {503}
    waits = {int(answer.headers["retry-after"]) for answer in refusals}
    assert min(waits) >= 5
    assert max(waits) <= 30
    assert len(waits) > 3, "they are not told to come back all at the same moment"


async def test_so_many_per_second(slow: Gateway, anna: Operator) -> None:
    statuses = [(await knock(slow, anna.installs(), "127.0.0.1")).status for _ in range(30)]
    let_in = statuses.count(101)
    assert statuses[:10] == [101] * 10, "five seconds' worth at once"
    assert 10 <= let_in < 30
    assert set(statuses) == {101, 503}


async def test_sockets_of_one_tenant(narrow: Gateway, boris: Operator, anna: Operator) -> None:
    stations = await fill(narrow, [boris.installs() for _ in range(70)], "127.0.0.1")
    refused = await knock(narrow, boris.installs(), "127.0.0.1")
    assert (refused.status, refused.body) == (503, "this tenant has as many connections as it may have")
    assert (await knock(narrow, anna.installs(), "127.0.0.1")).status == 101
    await leave(stations.pop())
    await until(101, narrow, boris.installs(), "127.0.0.1")
    await leave(*stations)
