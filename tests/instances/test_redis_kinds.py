"""Instances on a Redis that Sentinels watch, and on a cluster: the primary dies, and commands find their way again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.instances.instances import Cluster, clients, executed, instance_id, send
from tests.instances.light_station import LightStation
from tests.redis_kinds.servers import Cluster as RedisCluster
from tests.redis_kinds.servers import Watched, new_passwords, running

# A primary counts as dead after a second in these tests, and a replica is put in its place within some more.
FAIL_OVER_SECONDS = 30.0
# The contract tests (`tests/gateway/test_shared_state.py`) have Sentinels without passwords.
KINDS: dict[str, Callable[[Path], Watched | RedisCluster]] = {
    "sentinel": lambda directory: Watched(directory, new_passwords()),
    "cluster": RedisCluster,
}


async def anything_unavailable(api: httpx.AsyncClient, station: LightStation, data: str) -> bool:
    """Return whether a command, or the list of clients, is refused because Redis is away; nothing else may be wrong."""
    answers = (await send(api, station, data, "?wait=5"), await api.get("/clients"))
    for answer in answers:
        assert answer.status_code in (200, 503), answer.text
    return any(answer.status_code == 503 for answer in answers)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
async def test_a_primary_dies(cluster: Cluster, tmp_path: Path, kind: str) -> None:
    servers = KINDS[kind](tmp_path)
    [station] = cluster.stations(1)
    with running(servers):
        names = (f"uvicorn-{kind}-1", f"uvicorn-{kind}-2")
        here, there = await asyncio.to_thread(cluster.start, *names, **servers.settings)
        await station.connect(there.url)
        async with cluster.api(here) as api:
            assert await clients(api) == {station.id: instance_id(there)}
            assert (await send(api, station, "before")).json()["state"] == "accepted"

            servers.lose_primary()
            begun = time.monotonic()
            tries = 0
            while await anything_unavailable(api, station, f"try-{tries}"):
                assert time.monotonic() - begun < FAIL_OVER_SECONDS
                tries += 1
                # Messages of stations are served meanwhile.
                await station.line.call("Heartbeat", {})
            assert (await send(api, station, "after")).json()["state"] == "accepted"
            assert await clients(api) == {station.id: instance_id(there)}
        assert len(station.lines) == 1
        assert station.line.close_code is None
        for gateway in (here, there):
            await asyncio.to_thread(gateway.stop)
    assert executed(station).count("before") == 1
    assert len(executed(station)) == len(set(executed(station))), "something was carried out twice"
    station.drop()
