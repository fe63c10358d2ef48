"""Hundreds of callers that wait for answers (`?wait=`) cost one instance neither threads nor its other callers time."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from csms.embedded.program import Gateway
from tests.instances.instances import Cluster, connect_all, send

CALLERS = 300
REQUESTS = 100
# What others get while all wait, beside what they got before; a machine that others use too needs some room.
SLOWER = 3.0
SECONDS_AT_LEAST = 0.15
# Threads come and go with the requests that are served right now.
MORE_THREADS = 4


@pytest.mark.slow
@pytest.mark.parametrize("server", [0, 1], ids=["daphne", "uvicorn"])
async def test_three_hundred_callers_wait_and_nobody_else_does(
    cluster: Cluster, instances: list[Gateway], server: int
) -> None:
    gateway = instances[server]
    stations = cluster.stations(CALLERS)
    await connect_all(stations, instances)
    async with cluster.api(gateway) as api:
        before = [await p99(api, path) for path in ("/healthz", "/api/v1/chargepoints?page_size=20")]
        threads_before = threads(gateway)
        for station in stations:
            station.holding = True
        callers = [asyncio.create_task(send(api, station, "wait", "?wait=30")) for station in stations]
        await asyncio.gather(*(station.until(lambda one: len(one.held) == 1) for station in stations))

        threads_meanwhile = threads(gateway)
        meanwhile = [await p99(api, path) for path in ("/healthz", "/api/v1/chargepoints?page_size=20")]
        assert not any(caller.done() for caller in callers)
        for station in stations:
            station.release()
        answers = await asyncio.gather(*callers)

    assert Counter(answer.json()["state"] for answer in answers) == {"accepted": CALLERS}
    assert threads_meanwhile <= threads_before + MORE_THREADS
    for quiet, busy in zip(before, meanwhile, strict=True):
        assert busy < max(SLOWER * quiet, SECONDS_AT_LEAST), f"p99 was {quiet:.3f} s and is {busy:.3f} s"
    for station in stations:
        station.drop()


async def p99(api: httpx.AsyncClient, path: str) -> float:
    """Return the 99th percentile of the time a request takes, one after the other (s)."""
    url = api.base_url.copy_with(raw_path=path.encode())
    took = []
    for _ in range(REQUESTS):
        begin = time.perf_counter()
        answer = await api.get(url)
        took.append(time.perf_counter() - begin)
        assert answer.status_code == 200
    return sorted(took)[REQUESTS * 99 // 100 - 1]


def threads(gateway: Gateway) -> int:
    """Return how many threads an instance has now."""
    return len(list(Path(f"/proc/{gateway.process.pid}/task").iterdir()))
