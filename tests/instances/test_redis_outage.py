"""Redis gone, flushed, or standing still: stations notice nothing, commands fail fast, presence comes back."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import redis

from csms.embedded.program import Gateway
from tests.acceptance.mqtt_capture import MqttCapture
from tests.acceptance.outbox import wait_until_published
from tests.instances.instances import TENANT, Cluster, clients, connect_all, events_logged, executed, logged, send
from tests.instances.light_station import LightStation

STATIONS = 300
BURST = 60
LEASE_SECONDS = 15
FAIL_FAST_SECONDS = 3.0
REBUILT_SECONDS = 10.0
AVAILABLE = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}


@pytest.fixture
async def stations(cluster: Cluster, instances: list[Gateway]) -> Any:
    """Connected stations, spread over the instances."""
    stations = cluster.stations(STATIONS)
    await connect_all(stations, instances)
    yield stations
    for station in stations:
        station.drop()


@contextmanager
def gone(cluster: Cluster) -> Iterator[None]:
    """Redis is killed, and comes back knowing nothing."""
    redis = cluster.product.stack.redis
    redis.kill()
    shutil.rmtree(redis.directory)
    try:
        yield
    finally:
        redis.start()


@contextmanager
def stalled(cluster: Cluster) -> Iterator[None]:
    """Redis takes connections and answers nothing."""
    pid = cluster.product.stack.redis.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("outage", [gone, stalled])
async def test_redis_is_away_while_three_hundred_stations_are_connected(
    cluster: Cluster, instances: list[Gateway], stations: list[LightStation], outage: Any
) -> None:
    newcomers = cluster.stations(len(instances))
    apis = [cluster.api(gateway) for gateway in instances]
    rebuilt = {gateway.name: len(events_logged(gateway, "presence_rebuilt")) for gateway in instances}
    await assert_carried_out(apis, stations[:BURST], "before")
    with outage(cluster):
        await asyncio.gather(*(assert_refused_fast(cluster, api, stations[0]) for api in apis))
        await asyncio.gather(*(station.line.call("StatusNotification", AVAILABLE) for station in stations[:60]))
        await asyncio.gather(*(station.line.call("Heartbeat", {}) for station in stations))
        await connect_all(newcomers, instances)
        await asyncio.gather(*(station.line.call("StatusNotification", AVAILABLE) for station in newcomers))
        # Known by now: nobody is kept waiting to find out once more.
        await asyncio.gather(*(assert_refused_fast(cluster, api, newcomers[0]) for api in apis))
        assert (await apis[0].get("/chargepoints")).status_code == 200

    begin = time.monotonic()
    for gateway in instances:
        await logged(gateway, "presence_rebuilt", REBUILT_SECONDS, after=rebuilt[gateway.name])
    everybody = {station.id for station in (*stations, *newcomers)}
    for api in apis:
        assert everybody <= set(await clients(api))
    assert time.monotonic() - begin < REBUILT_SECONDS
    # As many as before: of the connections that broke with the old Redis none is left in any pool.
    await assert_carried_out(apis, [*stations[:BURST], *newcomers], "after")
    assert all(executed(station) == ["before", "after"] for station in stations[:BURST])
    assert not [
        station.id for station in (*stations, *newcomers) if len(station.lines) > 1 or station.line.closed.is_set()
    ]
    for api in apis:
        await api.aclose()
    for station in newcomers:
        station.drop()


async def assert_carried_out(apis: list[httpx.AsyncClient], stations: list[LightStation], data: str) -> None:
    """Check that a command to each of these stations, all at once and at all instances, is carried out."""
    answers = await asyncio.gather(*(send(apis[place % 3], one, data) for place, one in enumerate(stations)))
    assert [answer.json().get("state", answer.text) for answer in answers] == ["accepted"] * len(stations)


async def test_redis_is_flushed_while_it_runs(
    cluster: Cluster, instances: list[Gateway], stations: list[LightStation]
) -> None:
    """By an operator's mistake: no connection breaks, so nothing but the lost leases tells of it."""
    apis = [cluster.api(gateway) for gateway in instances]
    rebuilt = {gateway.name: len(events_logged(gateway, "presence_rebuilt")) for gateway in instances}
    with redis.Redis.from_url(cluster.product.stack.redis.url) as client:
        client.flushall()
    for gateway in instances:
        await logged(gateway, "presence_rebuilt", REBUILT_SECONDS, after=rebuilt[gateway.name])
    for api in apis:
        assert {station.id for station in stations} <= set(await clients(api))
    await assert_carried_out(apis, stations[:BURST], "flushed")
    assert not [station.id for station in stations if len(station.lines) > 1 or station.line.closed.is_set()]
    for api in apis:
        await api.aclose()


@pytest.mark.slow
async def test_nobody_is_buried_because_redis_stood_still_for_longer_than_a_lease(
    cluster: Cluster, instances: list[Gateway], stations: list[LightStation], capture: MqttCapture
) -> None:
    """Everybody's lease has run out then, and whoever renews his first must not take the others for dead."""
    dead = {gateway.name: len(events_logged(gateway, "instance_dead")) for gateway in instances}
    rebuilt = {gateway.name: len(events_logged(gateway, "presence_rebuilt")) for gateway in instances}
    with stalled(cluster):
        for gateway in instances:
            assert not await asyncio.to_thread(gateway.process.wait_exit, (LEASE_SECONDS + 1) / len(instances))
    for gateway in instances:
        await logged(gateway, "presence_rebuilt", REBUILT_SECONDS, after=rebuilt[gateway.name])
    async with cluster.api(instances[0]) as api:
        for station in stations[::30]:
            assert (await send(api, station, "still here")).json()["state"] == "accepted"
        assert {station.id for station in stations} <= set(await clients(api))
    assert dead == {gateway.name: len(events_logged(gateway, "instance_dead")) for gateway in instances}
    wait_until_published(cluster.product.database(TENANT))
    mine = {station.id for station in stations}
    heard = [one.payload for one in capture.everything().messages if one.payload["charge_point_id"] in mine]
    assert "charge_point.disconnected" not in {payload["event_type"] for payload in heard}


async def assert_refused_fast(cluster: Cluster, api: httpx.AsyncClient, station: LightStation) -> None:
    """Check that a command gets a 503 with a reason in no time, and that nothing of it is stored."""
    begin = time.monotonic()
    answer = await send(api, station, "never", "?wait=30")
    took = time.monotonic() - begin
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "presence_unavailable"
    assert int(answer.headers["retry-after"]) > 0
    assert took < FAIL_FAST_SECONDS
    stored = cluster.product.database(TENANT)["commands"]
    assert stored.find_one({"charge_point_id": station.id, "payload.data": "never"}) is None
