"""kill -9 of the instance that holds the sockets, with commands in flight: definite answers, and nothing twice."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx
import pytest

from csms.embedded.program import Gateway
from tests.acceptance.mqtt_capture import MqttCapture
from tests.acceptance.outbox import wait_until_published
from tests.acceptance.reconcile import assert_none, out_of_order
from tests.instances.instances import TENANT, Cluster, clients, connect_all, executed, send
from tests.instances.light_station import LightStation

STATIONS = 20
LEASE_SECONDS = 15
LOST = "ConnectionLost"


@pytest.fixture
def victim(cluster: Cluster) -> Gateway:
    """An instance that is there to die."""
    [gateway] = cluster.start("uvicorn-victim")
    return gateway


async def in_flight(station: LightStation, api: httpx.AsyncClient) -> asyncio.Task[httpx.Response]:
    """Ask for `first`, which the station gets and does not answer, and return the caller that waits for it."""
    station.holding = True
    caller = asyncio.create_task(send(api, station, "first", "?wait=60"))
    await station.until(lambda one: executed(one) == ["first"])
    return caller


async def queue(station: LightStation, api: httpx.AsyncClient) -> None:
    """Ask for `second` and `third`, which have to wait for the answer to the first."""
    for data in ("second", "third"):
        answer = await send(api, station, data, "")
        assert (answer.status_code, answer.json()["state"]) == (202, "queued")


async def test_stations_that_come_back_get_what_waited_and_nothing_twice(
    cluster: Cluster, instances: list[Gateway], victim: Gateway, capture: MqttCapture
) -> None:
    stations = cluster.stations(STATIONS)
    await connect_all(stations, [victim])
    async with cluster.api(instances[0]) as api, cluster.api(instances[1]) as other:
        callers = [await in_flight(station, api) for station in stations]
        await asyncio.gather(*(queue(station, other) for station in stations))
        victim.process.kill()
        for station in stations:
            await station.line.ended()
            station.holding = False
        await connect_all(stations, instances[1:])
        async with asyncio.timeout(10):
            answers = await asyncio.gather(*callers)
        assert {answer.status_code for answer in answers} == {200}
        assert Counter((a.json()["state"], a.json()["error"]["code"]) for a in answers) == {("failed", LOST): STATIONS}
        await asyncio.gather(*(station.until(lambda one: len(executed(one)) == 3) for station in stations))
        for station in stations:
            last = cluster.commands(station)[-1]
            await cluster.until_command(last["_id"], lambda one: one["state"] == "accepted")
        for station in stations:
            assert executed(station) == ["first", "second", "third"]
            assert [one.payload["data"] for one in station.line.asked] == ["second", "third"]
            assert [one["state"] for one in cluster.commands(station)] == ["failed", "accepted", "accepted"]

    wait_until_published(cluster.product.database(TENANT))
    history = capture.everything()
    for station in stations:
        events = history.of_station(station.id)
        assert_none(out_of_order(station.id, events))
        assert "charge_point.disconnected" not in [one.payload["event_type"] for one in events]
        station.drop()


@pytest.mark.slow
async def test_stations_that_do_not_come_back_are_announced_offline_once(
    cluster: Cluster, instances: list[Gateway], victim: Gateway, capture: MqttCapture
) -> None:
    stations = cluster.stations(STATIONS)
    await connect_all(stations, [victim])
    async with cluster.api(instances[0]) as api, cluster.api(instances[1]) as other:
        callers = [await in_flight(station, api) for station in stations]
        await asyncio.gather(*(queue(station, other) for station in stations))
        back, gone = stations[: STATIONS // 2], stations[STATIONS // 2 :]
        victim.process.kill()
        for station in stations:
            await station.line.ended()
            station.holding = False
        await connect_all(back, instances)
        async with asyncio.timeout(2 * LEASE_SECONDS + 15):
            answers = await asyncio.gather(*callers)
        assert {(a.json()["state"], a.json()["error"]["code"]) for a in answers} == {("failed", LOST)}
        for station in gone:
            await cluster.until_charge_point(station, lambda one: one["connected"] is None)
        assert not set(await clients(api)).intersection(station.id for station in gone)

        # Whoever comes back after its funeral finds what was kept for it.
        await connect_all(gone[:5], instances)
        for station in (*back, *gone[:5]):
            await station.until(lambda one: executed(one) == ["first", "second", "third"])

    wait_until_published(cluster.product.database(TENANT))
    history = capture.everything()
    for station in stations:
        events = history.of_station(station.id)
        assert_none(out_of_order(station.id, events))
        types = [one.payload["event_type"] for one in events]
        assert types.count("charge_point.disconnected") == (station in gone)
        assert types.count("command.failed") == 1
        assert types.count("command.queued") == 3
        station.drop()


async def test_a_station_that_has_just_booted_is_set_up_by_the_next_instance(
    cluster: Cluster, instances: list[Gateway], victim: Gateway
) -> None:
    """It does not boot again, and would never be asked for its settings otherwise, nor be given its limits."""
    [station] = cluster.stations(1, booted=False)
    await connect_all([station], [victim])
    station.holding = True
    await station.line.call("BootNotification", {"chargePointVendor": "Acme", "chargePointModel": "Wallbox 22"})
    await station.until_asked("GetConfiguration")
    victim.process.kill()
    await station.line.ended()
    station.holding = False
    await connect_all([station], instances[1:])
    again = await station.until_asked("GetConfiguration", 2)
    await cluster.until_command(again.message_id, lambda one: one["state"] == "accepted")
    await cluster.until_charge_point(station, lambda one: not one["setup_tries"])
    station.drop()
