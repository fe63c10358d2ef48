"""Cold boot (OCPP 1.6 §4.2): accepted, pending, rejected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.gateway.conftest import Connect
from tests.mqtt_capture import Capture
from tests.people import Operator
from tests.rest_client import Rest
from tests.scenarios.scene import Scene
from tests.station import Station


async def test_cold_boot(anna: Operator, rest: Rest, mqtt: Capture, connect: Connect) -> None:
    """The first boot of a new station: nothing before it, then every connector, then heartbeats."""
    charger = anna.installs(booted=False)

    async def opened() -> Station:
        return await connect(charger)

    scene = Scene(charger, anna, rest, mqtt, opened, await opened())
    await scene.event("charge_point.connected")
    await scene.station.assert_call_error("Heartbeat", {}, "SecurityError")
    answer = await scene.boot()
    assert abs(datetime.fromisoformat(answer["currentTime"]) - datetime.now(UTC)) < timedelta(seconds=5)
    assert answer["interval"] == 300
    for connector in (0, 1, 2):
        await scene.reports("Available", connector)
    await scene.station.assert_replied("Heartbeat")
    shown = await rest.get(scene.path)
    assert (shown["registration"], shown["vendor"], shown["status"]) == ("accepted", "Acme", "available")
    assert [one["status"] for one in shown["connectors"]] == ["available", "available"]
    assert shown["connected"] is not None
    assert scene.identity in [one["charge_point_id"] for one in (await rest.get("clients"))["results"]]


async def test_cold_boot_pending_and_then_accepted(scene: Scene) -> None:
    await scene.rest.patch(scene.path, {"registration": "pending"})
    await scene.reconnect()
    answer = await scene.boot("Pending")
    assert answer["interval"] > 0
    await scene.station.assert_call_error("StatusNotification", {}, "SecurityError")
    # While it waits it can be set up, and asked for a boot.
    body = {"key": "HeartbeatInterval", "value": "60"}
    assert await scene.asked("change-configuration", body, "ChangeConfiguration", {"status": "Accepted"}) == "accepted"
    await scene.rest.patch(scene.path, {"registration": "accepted"})
    assert await scene.asked("trigger", {"message": "boot"}, "TriggerMessage", {"status": "Accepted"}) == "accepted"
    await scene.boot()
    await scene.reports("Available")


async def test_cold_boot_rejected(scene: Scene) -> None:
    await scene.rest.patch(scene.path, {"registration": "rejected"})
    await scene.reconnect()
    await scene.boot("Rejected")
    await scene.rest.post(f"{scene.path}/clear-cache", {})
    await scene.station.assert_silent()  # nothing is sent to a station that was rejected
    await scene.station.assert_call_error("Heartbeat", {}, "SecurityError")
    assert (await scene.rest.get(scene.path))["registration"] == "rejected"
