"""SIGTERM with commands under way: they are finished, the sockets closed with 1012, and presence given up at once."""

from __future__ import annotations

import asyncio
import time

import pytest

from csms.embedded.program import Gateway
from tests.acceptance.mqtt_capture import MqttCapture
from tests.acceptance.outbox import wait_until_published
from tests.acceptance.reconcile import assert_none, out_of_order
from tests.instances.instances import TENANT, Cluster, clients, connect_all, executed, instance_id, logged, send

STATIONS = 120
SERVICE_RESTART = 1012
EXIT_SECONDS = 30.0


@pytest.mark.slow
@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
async def test_a_drain_finishes_what_is_under_way(
    cluster: Cluster, instances: list[Gateway], capture: MqttCapture, server: str
) -> None:
    [leaving] = cluster.start(f"{server}-leaving")
    stations = cluster.stations(STATIONS)
    await connect_all(stations, [leaving])
    busy, silent = stations[:10], stations[10]
    for station in (*busy, silent):
        station.holding = True
    async with cluster.api(instances[0]) as api, cluster.api(leaving) as own_api:
        callers = [asyncio.create_task(send(api, station, "first")) for station in busy[:5]]
        callers += [asyncio.create_task(send(own_api, station, "first")) for station in busy[5:]]
        unanswered = asyncio.create_task(send(own_api, silent, "first", "?wait=60"))
        for station in (*busy, silent):
            await station.until(lambda one: len(one.held) == 1)
        queued = (await send(api, busy[0], "second", "")).json()

        begin = time.monotonic()
        leaving.process.ask_to_stop()
        await logged(leaving, "SIGTERM: stopping; a second one stops at once")
        for station in busy:
            station.release()
        answers = await asyncio.gather(*callers)
        assert {(answer.status_code, answer.json()["state"]) for answer in answers} == {(200, "accepted")}
        # The station that says nothing keeps neither the process nor the caller for longer than a few seconds.
        last = await unanswered
        assert last.json()["state"] in ("sent", "failed")
        assert {await station.line.ended() for station in stations} == {SERVICE_RESTART}
        assert await asyncio.to_thread(leaving.process.wait_exit, EXIT_SECONDS)
        assert time.monotonic() - begin < EXIT_SECONDS
        assert leaving.process.succeeded, leaving.process.ending

        mine = {station.id for station in stations}
        assert not mine.intersection(await clients(api))
        held = {"_id": {"$in": sorted(mine)}, "connected": {"$ne": None}}
        assert cluster.product.database(TENANT)["charge_points"].count_documents(held) == 0
        offline = await send(api, stations[-1], "for later", "")
        assert (offline.status_code, offline.json()["state"]) == (202, "queued")

        await connect_all([*busy, silent, stations[-1]], instances)
        await cluster.until_command(queued["id"], lambda one: one["state"] == "accepted")
        assert executed(busy[0]) == ["first", "second"]
        ended = await cluster.until_command(last.json()["id"], lambda one: one["completed_at"])
        assert (ended["state"], ended["error"]["code"]) == ("failed", "ConnectionLost")
        await stations[-1].until(lambda one: executed(one) == ["for later"])
        assert instance_id(leaving) not in (await clients(api)).values()

    wait_until_published(cluster.product.database(TENANT))
    history = capture.everything()
    for station in stations:
        events = history.of_station(station.id)
        assert_none(out_of_order(station.id, events))
        assert [one.payload["event_type"] for one in events].count("charge_point.disconnected") == 1
        station.drop()
