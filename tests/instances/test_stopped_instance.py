"""An instance that stood still for longer than its lease: what it held went elsewhere, and it must not notice late."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import pytest

from csms.embedded.program import Gateway
from tests.acceptance.mqtt_capture import MqttCapture
from tests.acceptance.outbox import wait_until_published
from tests.acceptance.reconcile import assert_none, out_of_order
from tests.instances.instances import TENANT, Cluster, clients, connect_all, executed, instance_id, send
from tests.instances.light_station import LightStation, Line

MOVING, STAYING = 9, 3
REPLACED = 1008
# A lease is 15 s, and looked after every 5 s.
BURIED_SECONDS = 40.0


def status(state: str) -> dict[str, Any]:
    return {"connectorId": 1, "errorCode": "NoError", "status": state}


def say_everything(line: Line, first: int) -> list[asyncio.Future[list[Any]]]:
    """Send, without waiting, what would be stored or answered if it came from the owner; each station begins elsewhere.

    The first frame matters most: whatever closes the socket is too late for it.
    """
    sample = {"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [{"value": "4711"}]}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("MeterValues", {"connectorId": 1, "meterValue": [sample]}),
        ("Heartbeat", {}),
        ("StatusNotification", status("Faulted")),
        ("StatusNotification", {"connectorId": 0, "errorCode": "NoError", "status": "Unavailable"}),
        ("BootNotification", {"chargePointVendor": "Stale", "chargePointModel": "Stale"}),
    ]
    first %= len(calls)
    return [line.begin(action, payload) for action, payload in calls[first:] + calls[:first]]


@pytest.mark.slow
async def test_a_revived_instance_writes_nothing_and_closes_its_sockets(
    cluster: Cluster, instances: list[Gateway], capture: MqttCapture
) -> None:
    [victim] = cluster.start("daphne-victim")
    moving, staying = cluster.stations(MOVING), cluster.stations(STAYING)
    everybody = [*moving, *staying]
    await connect_all(everybody, [victim])
    async with cluster.api(instances[0]) as api:
        for station in everybody:
            station.holding = True
        callers = [asyncio.create_task(send(api, station, "in flight", "?wait=60")) for station in everybody]
        for station in everybody:
            await station.until(lambda one: len(one.held) == 1)

        os.kill(victim.process.pid, signal.SIGSTOP)
        try:
            old = {station.id: station.line for station in everybody}
            lines = enumerate(old.values())
            unanswered = [one for place, line in lines for one in say_everything(line, place)]
            for station in everybody:
                station.release()  # onto the old socket
            await connect_all(moving, instances)
            for station in moving:
                await station.line.call("StatusNotification", status("Charging"))
            for station in staying:
                await cluster.until_charge_point(station, lambda one: not one["connected"], deadline=BURIED_SECONDS)
        finally:
            os.kill(victim.process.pid, signal.SIGCONT)
        assert {await line.ended() for line in old.values()} == {REPLACED}
        answers = await asyncio.gather(*callers)
        assert {(a.json()["state"], a.json()["error"]["code"]) for a in answers} == {("failed", "ConnectionLost")}
        assert all(one.cancelled() for one in unanswered), "the revived instance has answered"
        assert_untouched(cluster, moving, staying)

        listed = await clients(api)
        assert not set(listed).intersection(station.id for station in staying)
        assert instance_id(victim) not in listed.values()
        for station in moving:
            assert (await send(api, station, "after")).json()["state"] == "accepted"
            assert executed(station) == ["in flight", "after"]
        await staying[0].connect(victim.url)
        await staying[0].line.call("StatusNotification", status("Available"))

    wait_until_published(cluster.product.database(TENANT))
    history = capture.everything()
    for station in everybody:
        events = history.of_station(station.id)
        assert_none(out_of_order(station.id, events))
        types = [one.payload["event_type"] for one in events]
        assert types.count("charge_point.disconnected") == (station in staying)
        assert "charge_point.booted" not in types
        assert "session.meter_values" not in types
        station.drop()
    victim.stop()


def assert_untouched(cluster: Cluster, moving: list[LightStation], staying: list[LightStation]) -> None:
    """Check that nothing of what went into the old sockets is stored."""
    database = cluster.product.database(TENANT)
    for station in (*moving, *staying):
        stored = cluster.charge_point(station)
        assert (stored["vendor"], stored["status"]) == ("", "unknown")
        assert bool(stored["connected"]) == (station in moving)
        connectors = list(database["connectors"].find({"charge_point_id": station.id}))
        assert [one["status"] for one in connectors] == (["charging"] if station in moving else [])
        assert database["meter_values"].find_one({"charge_point_id": station.id}) is None
