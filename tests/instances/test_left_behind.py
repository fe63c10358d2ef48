"""What nobody would look after by itself: the stations and commands of instances that are gone without a trace."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from bson import ObjectId

from csms.embedded.program import Gateway
from tests.acceptance.mqtt_capture import MqttCapture
from tests.acceptance.outbox import wait_until_published
from tests.acceptance.reconcile import assert_none, out_of_order
from tests.instances.instances import TENANT, Cluster, clients, connect_all, executed, logged, send
from tests.instances.light_station import LightStation
from tests.serving import Gateway as InstanceOfFixedId

# A lease of 15 s has to run out after the last fault, and is looked after every 5 s.
BURIED_SECONDS = 60.0


@pytest.mark.slow
async def test_stations_whose_instance_is_forgotten_or_born_again_are_announced_offline(
    cluster: Cluster, instances: list[Gateway], tmp_path: Path, capture: MqttCapture
) -> None:
    """Killed at the moment in which Redis lost everything; killed and started again under the same id."""
    [forgotten] = cluster.start("uvicorn-forgotten")
    reborn = InstanceOfFixedId("uvicorn", tmp_path, cluster.product.environment)
    reborn.start()
    of_forgotten, of_reborn, back = cluster.stations(3), cluster.stations(3), cluster.stations(3)
    await connect_all(of_forgotten, [forgotten])
    for station in (*of_reborn, *back):
        await station.connect(reborn.url.replace("ws:", "http:"))
    forgotten.process.kill()
    reborn.process.kill()
    with redis.Redis.from_url(cluster.product.stack.redis.url) as client:
        client.flushall()
    reborn.start()
    for station in back:
        await station.line.ended()
        await station.connect(reborn.url.replace("ws:", "http:"))
    gone = [*of_forgotten, *of_reborn]
    async with cluster.api(instances[0]) as api:
        assert not {station.id for station in gone}.intersection(await clients(api))
        for station in gone:
            await cluster.until_charge_point(station, lambda one: one["connected"] is None, deadline=BURIED_SECONDS)
        for station in back:
            assert (await send(api, station, "still here")).json()["state"] == "accepted"

    wait_until_published(cluster.product.database(TENANT))
    history = capture.everything()
    for station in (*gone, *back):
        events = history.of_station(station.id)
        assert_none(out_of_order(station.id, events))
        assert [one.payload["event_type"] for one in events].count("charge_point.disconnected") == (station in gone)
        station.drop()
    reborn.stop()


def stored(cluster: Cluster, like: dict[str, Any], **changes: Any) -> str:
    """Store a command like another one, as an instance would that died right afterwards; return its id."""
    commands = cluster.product.database(TENANT)["commands"]
    pattern = commands.find_one({"_id": like["id"]})
    assert pattern is not None
    now = datetime.now(UTC)
    fresh = {"_id": str(ObjectId()), "created_at": now, "expires_at": now + timedelta(hours=1), "announced": False}
    nothing = {"response": None, "completed_at": None, "sent_at": None, "message_id": "", "epoch": None}
    commands.insert_one(pattern | nothing | fresh | changes)
    return str(changes.get("_id", fresh["_id"]))


@pytest.mark.slow
async def test_commands_whose_letter_or_owner_was_lost_come_to_an_end(
    cluster: Cluster, station: LightStation, api: httpx.AsyncClient
) -> None:
    [offline] = cluster.stations(1)
    like = (await send(api, station, "like this")).json()
    untold = stored(cluster, like, state="queued")
    past = datetime.now(UTC) - timedelta(minutes=1)
    orphan = stored(cluster, like, charge_point_id=offline.id, state="sent", sent_at=past, deadline=past, epoch=1)
    told = await cluster.until_command(untold, lambda one: one["state"] == "accepted")
    assert told["message_id"] == untold
    assert executed(station) == ["like this", "like this"]
    ended = await cluster.until_command(orphan, lambda one: one["completed_at"])
    assert (ended["state"], ended["error"]["code"]) == ("failed", "ConnectionLost")


async def test_an_answer_that_comes_while_storage_is_silent_is_kept(
    cluster: Cluster, api: httpx.AsyncClient, offline: LightStation
) -> None:
    [brief] = cluster.start("uvicorn-brief", STORAGE_TIMEOUT="1s")
    station = offline
    await station.connect(brief.url)
    station.holding = True
    caller = asyncio.create_task(send(api, station, "it"))
    await station.until(lambda one: len(one.held) == 1)
    mongod = cluster.product.stack.mongodb.pid
    os.kill(mongod, signal.SIGSTOP)
    try:
        station.release()
        await logged(brief, "command_end_held")
    finally:
        os.kill(mongod, signal.SIGCONT)
    assert (await caller).json()["state"] == "accepted"
    assert (await send(api, station, "more")).json()["state"] == "accepted"
    assert executed(station) == ["it", "more"]
    brief.stop()
