"""kill -9 of an instance in the middle of a commit, with a MongoDB that gives no transaction up for a minute."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from csms.embedded.program import Gateway
from tests.instances.instances import Cluster, logged
from tests.instances.mongo_tap import MongoTap

STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Charging"}
# Far less than MongoDB's own minute, and than the 20 s a station's message is held.
SECONDS = 5.0


@pytest.fixture
def patient_mongodb(cluster: Cluster) -> Iterator[None]:
    """MongoDB as it is without `transactionLifetimeLimitSeconds`."""
    admin = cluster.product.mongodb.admin
    before = admin.command({"setParameter": 1, "transactionLifetimeLimitSeconds": 60})["was"]
    yield
    admin.command({"setParameter": 1, "transactionLifetimeLimitSeconds": before})


@pytest.mark.usefixtures("patient_mongodb")
async def test_a_station_is_back_at_once(cluster: Cluster, instances: list[Gateway]) -> None:
    [station] = cluster.stations(1)
    with MongoTap(cluster.product.stack.mongodb.port) as tap:
        [victim] = await asyncio.to_thread(cluster.start, "uvicorn-cut", MONGODB_URI=tap.url)
        await station.connect(victim.url)
        await station.line.call("StatusNotification", STATUS)
        tap.arm()
        station.line.begin("StatusNotification", STATUS | {"status": "SuspendedEV"})
        assert await asyncio.to_thread(tap.swallowed.wait, 10), "there was no commit"
        victim.process.kill()
        killed = time.monotonic()
        await station.line.ended()

        await station.connect(instances[0].url)
        await station.line.call("StatusNotification", STATUS | {"status": "SuspendedEV"})
        took = time.monotonic() - killed
    await logged_by_one(instances)
    assert took < SECONDS, f"{took:.1f} s"
    station.drop()


async def logged_by_one(instances: list[Gateway]) -> None:
    """Return when one of the instances has said that it has ended the transaction."""
    event = "abandoned_transactions_ended"
    waiting = [asyncio.create_task(logged(gateway, event)) for gateway in instances]
    done, rest = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    assert all(task.exception() is None for task in done)
