"""Stations that were offline: what they bring is taken with its own times, told once, and answered with no command."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from tests.scenarios.scene import Scene, ago, wire_time

SESSIONS = 10
FIRST_REGISTER = 120_000


async def go_offline(scene: Scene) -> None:
    """Lose the connection and come back with messages to send; the station has not booted."""
    await scene.station.drop()
    await scene.event("charge_point.disconnected")
    await scene.reconnect()
    await scene.event("charge_point.connected")


async def test_offline_start_with_a_valid_tag(scene: Scene) -> None:
    tag = await scene.token()
    await go_offline(scene)
    number = await scene.starts(tag, timestamp=ago(minutes=20))
    await scene.reports("Charging")
    await scene.stops(number, idTag=tag)
    session = await scene.session(number)
    assert (session["status"], session["energy_wh"], session["quality"]) == ("completed", 5000, ["late"])


async def test_offline_start_with_a_tag_that_may_not_charge(scene: Scene) -> None:
    """The energy that flowed is on record; the verdict goes back, and the station stops by itself."""
    tag = await scene.token(status="blocked")
    await go_offline(scene)
    number = await scene.starts(tag, "Blocked", timestamp=ago(minutes=20))
    await scene.stops(number, "DeAuthorized", meterStop=1800)
    session = await scene.session(number)
    assert (session["energy_wh"], session["stop_reason"]) == (800, "deauthorized")
    await scene.station.assert_silent()


async def test_a_transaction_while_offline(scene: Scene) -> None:
    """Begun and ended without a connection: start, readings and stop come together."""
    tag = await scene.token()
    await go_offline(scene)
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=50)
    number = await scene.starts(tag, timestamp=wire_time(began))
    value = {"timestamp": wire_time(began + timedelta(minutes=5)), "sampledValue": [{"value": "2.5", "unit": "kWh"}]}
    await scene.meters(number, 0, meterValue=[value])
    await scene.stops(number, idTag=tag, timestamp=wire_time(began + timedelta(minutes=30)))
    session = await scene.session(number)
    assert datetime.fromisoformat(session["start_time"]) == began
    assert datetime.fromisoformat(session["stop_time"]) == began + timedelta(minutes=30)
    assert (session["energy_wh"], session["quality"]) == (5000, ["late"])
    readings = (await scene.rest.get(f"sessions/{session['id']}/meter-values"))["results"]
    assert [one["samples"][0]["value"] for one in readings] == [2.5]


# -- An hour offline ---------------------------------------------------------------------------------


class Queued:
    """One session as a station keeps it while offline."""

    def __init__(self, number: int, tag: str, begin: datetime) -> None:
        self.tag = tag
        self.begin = begin + timedelta(minutes=6 * number)
        self.end = self.begin + timedelta(minutes=5)
        self.meter_start = FIRST_REGISTER + number * 1000
        self.energy = 100 + 10 * number
        self.transaction = -1

    def start(self) -> dict[str, Any]:
        return {
            "connectorId": 1,
            "idTag": self.tag,
            "meterStart": self.meter_start,
            "timestamp": wire_time(self.begin),
        }

    def readings(self) -> Iterator[dict[str, Any]]:
        for minute in (1, 2, 3):
            register = self.meter_start + self.energy * minute // 5
            sampled = [{"value": str(register), "unit": "Wh", "context": "Sample.Periodic"}]
            value = {"timestamp": wire_time(self.begin + timedelta(minutes=minute)), "sampledValue": sampled}
            yield {"connectorId": 1, "transactionId": self.transaction, "meterValue": [value]}

    def stop(self) -> dict[str, Any]:
        return {
            "transactionId": self.transaction,
            "idTag": self.tag,
            "meterStop": self.meter_start + self.energy,
            "timestamp": wire_time(self.end),
            "reason": "EVDisconnected",
        }


async def deliver(scene: Scene, queued: list[Queued], *, again: bool = False) -> None:
    """Send all that was queued, in order; `again`: every message twice, as after an answer that was lost."""
    for session in queued:
        for _ in range(2 if again else 1):
            answer = await scene.station.assert_replied("StartTransaction", session.start())
            assert answer["idTagInfo"]["status"] == "Accepted"
            assert session.transaction in (-1, answer["transactionId"])
            session.transaction = answer["transactionId"]
        for payload in (payload for payload in session.readings() for _ in range(2 if again else 1)):
            await scene.station.assert_replied("MeterValues", payload, {})
        for _ in range(2 if again else 1):
            answer = await scene.station.assert_replied("StopTransaction", session.stop())
            assert answer["idTagInfo"]["status"] == "Accepted"


async def an_hour_offline(scene: Scene, *, again: bool) -> list[Queued]:
    """Be offline for an hour with ten sessions, come back and deliver them."""
    tag = await scene.token()
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=62)
    queued = [Queued(number, tag, begin) for number in range(SESSIONS)]
    await go_offline(scene)
    await deliver(scene, queued, again=again)
    await scene.reports("Available")
    return queued


async def check_stored(scene: Scene, queued: list[Queued]) -> None:
    """Check times, energy, order and readings of the sessions, in the database and over REST."""
    stored = scene.operator.sessions(scene.identity)
    assert len(stored) == SESSIONS
    assert [one["transaction_id"] for one in stored] == [one.transaction for one in queued]
    assert len({one.transaction for one in queued}) == SESSIONS
    for kept, real in zip(stored, queued, strict=True):
        assert (kept["start_time"], kept["stop_time"]) == (real.begin, real.end)
        assert (kept["start_meter_value"], kept["energy_wh"]) == (real.meter_start, real.energy)
        assert (kept["status"], kept["authorization"], kept["quality"]) == ("completed", "accepted", ["late"])
        assert kept["received_at"] > real.end
    page = await scene.rest.get(f"{scene.path}/sessions", ordering="start_time")
    shown = [datetime.fromisoformat(one["start_time"]) for one in page["results"]]
    assert shown == [one.begin for one in queued]
    registers = [value["samples"][0]["value"] for value in scene.operator.meter_values(scene.identity)]
    assert len(registers) == 3 * SESSIONS
    assert all(earlier < later for earlier, later in pairwise(registers))


async def check_announced(scene: Scene, queued: list[Queued]) -> None:
    """Check that each session was told of once, as late, in order and with its own times."""
    last = queued[-1].transaction
    await scene.mqtt.assert_event(scene.identity, "session.stopped", transaction_id=last)
    await scene.mqtt.assert_event(scene.identity, "connector.status_changed", status="available")
    for kind in ("session.started", "session.stopped"):
        told = scene.events(kind)
        assert [event.data["transaction_id"] for event in told] == [one.transaction for one in queued]
        assert all(event.data["quality"] == ["late"] for event in told)
    assert len(scene.events("session.meter_values")) == 3 * SESSIONS
    began = [datetime.fromisoformat(event.data["start_time"]) for event in scene.events("session.started")]
    assert began == [one.begin for one in queued]
    scene.mqtt.assert_in_order(scene.identity)


async def nothing_was_commanded(scene: Scene) -> None:
    await scene.station.assert_silent()
    assert scene.operator.db["commands"].count_documents({"charge_point_id": scene.identity}) == 0


async def test_an_hour_offline(scene: Scene) -> None:
    queued = await an_hour_offline(scene, again=False)
    await check_stored(scene, queued)
    await check_announced(scene, queued)
    await nothing_was_commanded(scene)


async def test_an_hour_offline_with_every_message_sent_twice(scene: Scene) -> None:
    queued = await an_hour_offline(scene, again=True)
    await check_stored(scene, queued)
    await check_announced(scene, queued)
    await nothing_was_commanded(scene)
