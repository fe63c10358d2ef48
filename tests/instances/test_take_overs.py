"""A station that reconnects to another instance while its old socket is half-open has one owner, each time."""

from __future__ import annotations

import asyncio
from random import Random

import httpx
import pytest

from csms.embedded.program import Gateway
from tests.acceptance.mqtt_capture import MqttCapture
from tests.acceptance.outbox import wait_until_published
from tests.acceptance.reconcile import assert_none, out_of_order
from tests.instances.instances import TENANT, Cluster, clients, executed, instance_id, send
from tests.instances.light_station import LightStation

STATIONS = 10
TAKE_OVERS = 10  # of each
REPLACED = 1008


@pytest.mark.slow
async def test_a_hundred_take_overs(cluster: Cluster, instances: list[Gateway], capture: MqttCapture) -> None:
    stations = cluster.stations(STATIONS)
    apis = [cluster.api(gateway) for gateway in instances]
    for place, station in enumerate(stations):
        await station.connect(instances[place % 3].url)
    await asyncio.gather(*(wander(cluster, instances, apis, place) for place in enumerate(stations)))
    for station in stations:
        station.drop()
    await asyncio.gather(
        *(cluster.until_charge_point(station, lambda one: not one["connected"]) for station in stations)
    )
    for api in apis:
        await api.aclose()

    wait_until_published(cluster.product.database(TENANT))
    history = capture.everything()
    for station in stations:
        events = history.of_station(station.id)
        types = [one.payload["event_type"] for one in events]
        assert types.count("charge_point.connected") == 1 + TAKE_OVERS
        assert types.count("charge_point.disconnected") == 1, "a take-over is no end"
        assert_none(out_of_order(station.id, events))
        assert executed(station) == [f"{number}" for number in range(TAKE_OVERS)]


async def wander(
    cluster: Cluster, instances: list[Gateway], apis: list[httpx.AsyncClient], one: tuple[int, LightStation]
) -> None:
    """Take one station from instance to instance."""
    place, station = one
    random = Random(place)
    for number in range(TAKE_OVERS):
        before, old = cluster.charge_point(station)["connected"], station.line
        old.freeze()
        gateway = random.choice([other for other in instances if instance_id(other) != before["instance"]])
        await station.connect(gateway.url)
        await assert_owned(cluster, apis, station, gateway, before["epoch"])

        answer = await send(random.choice(apis), station, str(number))
        assert answer.json()["state"] == "accepted"
        assert station.line.asked[-1].payload["data"] == str(number), "the command did not follow"
        if number % 2:
            old.drop()
        else:
            assert await old.ended() == REPLACED
        await assert_owned(cluster, apis, station, gateway, before["epoch"])


async def assert_owned(
    cluster: Cluster, apis: list[httpx.AsyncClient], station: LightStation, gateway: Gateway, epoch: int
) -> None:
    """Check that MongoDB and every instance name this instance as the owner."""
    connected = cluster.charge_point(station)["connected"]
    assert connected["instance"] == instance_id(gateway)
    assert connected["epoch"] > epoch
    for api in apis:
        assert (await clients(api))[station.id] == instance_id(gateway)
