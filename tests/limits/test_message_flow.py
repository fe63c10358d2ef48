"""A station that sends too fast is read more slowly: nothing is dropped, and its neighbours notice nothing."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.rest_caller import rest_of
from tests.limits.conftest import LIMITS, connected
from tests.people import Operator
from tests.serving import Gateway
from tests.station import Station

RATE = int(LIMITS["OCPP_STATION_MESSAGE_RATE"])
BURST = RATE * 5
MESSAGES = BURST + 2 * RATE


async def test_who_sends_too_fast_waits(pair: list[Gateway], anna: Operator) -> None:
    for gateway in pair:
        gateway.new_log()
        hasty = await connected(gateway, anna.installs(), "127.0.0.1")
        calm = await connected(gateway, anna.installs(), "127.0.0.2")
        begun = time.monotonic()
        for number in range(MESSAGES):
            await hasty.send(json.dumps([2, f"h{number}", "Heartbeat", {}]))
        waits = []
        for number in range(MESSAGES):
            assert json.loads(await hasty.receive())[1] == f"h{number}", "all are answered, in their order"
            if not number % 50:
                asked = time.monotonic()
                await calm.assert_replied("Heartbeat")
                waits.append(time.monotonic() - asked)
        took = time.monotonic() - begun
        assert took > (MESSAGES - BURST) / RATE * 0.9, f"{MESSAGES} messages took {took:.1f} s"
        assert max(waits) < 1
        [line] = [entry for entry in gateway.new_log() if entry.get("event") == "messages_come_too_fast"]
        assert line["station"] == hasty.identity, "said once, not for each message"
        await hasty.socket.close()
        await calm.socket.close()


async def test_commands_reach_a_station_that_is_slowed_down(here: Gateway, anna: Operator) -> None:
    """What goes out does not wait for what comes in."""
    charger = anna.installs()
    station = await connected(here, charger, "127.0.0.1")
    for number in range(BURST + RATE // 2):
        await station.send(json.dumps([2, f"h{number}", "Heartbeat", {}]))
    rest = rest_of(anna, here)
    path = f"chargepoints/{charger.identity}/commands?wait=30"
    waiting = asyncio.create_task(rest.post(path, {"action": "ClearCache"}, status=200))
    frame = json.loads(await station.receive())
    while frame[0] != 2:
        frame = json.loads(await station.receive())
    await station.send(json.dumps([3, frame[1], {"status": "Accepted"}]))
    assert (await waiting)["state"] == "accepted"
    await station.socket.close()


@pytest.fixture(scope="module")
def shared(directory: Path, global_database: None) -> Iterator[Gateway]:
    """An instance that takes twenty messages per second of each tenant."""
    settings = {**LIMITS, "OCPP_STATION_MESSAGE_RATE": "0", "OCPP_TENANT_MESSAGE_RATE": "20"}
    gateway = Gateway("uvicorn", directory, {**settings, "REDIS_STATE_PREFIX": "shared"})
    gateway.start()
    yield gateway
    gateway.stop()


async def test_the_stations_of_one_tenant_share_its_rate(shared: Gateway, anna: Operator, boris: Operator) -> None:
    hasty = [await connected(shared, anna.installs(), "127.0.0.1") for _ in range(4)]
    other = await connected(shared, boris.installs(), "127.0.0.2")
    begun, each = time.monotonic(), 40
    await asyncio.gather(*(send_heartbeats(station, each) for station in hasty))
    waits = []
    for number in range(each):
        # In turns: no station of the tenant waits for all the messages of another.
        for station in hasty:
            assert json.loads(await station.receive())[1] == f"h{number}"
        asked = time.monotonic()
        await other.assert_replied("Heartbeat")
        waits.append(time.monotonic() - asked)
    took = time.monotonic() - begun
    assert took > (len(hasty) * each - 100) / 20 * 0.9, f"it took {took:.1f} s"
    assert max(waits) < 1, "another tenant notices nothing"
    for station in (*hasty, other):
        await station.socket.close()


async def send_heartbeats(station: Station, count: int) -> None:
    for number in range(count):
        await station.send(json.dumps([2, f"h{number}", "Heartbeat", {}]))
