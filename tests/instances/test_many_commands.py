"""Commands reach any station from any instance, each exactly once."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random

import httpx
import pytest

from csms.embedded.program import Gateway
from tests.instances.instances import TENANT, Cluster, connect_all, executed, send

STATIONS = 300
COMMANDS = 1_000
CALLERS = 24


@pytest.mark.slow
async def test_a_thousand_commands_to_three_hundred_stations_over_three_instances(
    cluster: Cluster, instances: list[Gateway]
) -> None:
    stations = cluster.stations(STATIONS)
    await connect_all(stations, instances)
    random = Random(16)
    orders = [(number, random.choice(stations), random.choice(instances)) for number in range(COMMANDS)]
    apis = {gateway.name: cluster.api(gateway) for gateway in instances}
    answers: dict[int, httpx.Response] = {}

    async def caller() -> None:
        while orders:
            number, station, gateway = orders.pop()
            answers[number] = await send(apis[gateway.name], station, str(number))

    wanted: dict[str, list[str]] = {}
    for number, station, _ in orders:
        wanted.setdefault(station.id, []).append(str(number))
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    for api in apis.values():
        await api.aclose()

    assert {answer.status_code for answer in answers.values()} == {200}
    assert Counter(answer.json()["state"] for answer in answers.values()) == {"accepted": COMMANDS}
    for station in stations:
        assert sorted(executed(station)) == sorted(wanted.get(station.id, [])), station.id
        assert len(station.lines) == 1
    stored = cluster.product.database(TENANT)["commands"]
    ids = [answer.json()["id"] for answer in answers.values()]
    assert stored.count_documents({"_id": {"$in": ids}, "state": "accepted"}) == COMMANDS
    for station in stations:
        station.drop()
