"""BootNotification (OCPP 1.6 §4.2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.gateway.conftest import Connect
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.station import BOOT, Station

FACTS = {
    "chargePointVendor": "Acme",
    "chargePointModel": "Wallbox 22",
    "chargePointSerialNumber": "SN-1",
    "chargeBoxSerialNumber": "BOX-1",
    "firmwareVersion": "1.2.3-β",
    "iccid": "8949",
    "imsi": "262",
    "meterType": "MID",
    "meterSerialNumber": "M-1",
}


def since_now(text: str) -> timedelta:
    """Return how far an answer's time is from now."""
    assert text.endswith("Z")
    assert len(text) == len("2026-01-01T00:00:00.000Z")
    return abs(datetime.fromisoformat(text) - datetime.now(UTC))


async def test_an_accepted_station_learns_the_time_and_its_interval(station: Station) -> None:
    answer = await station.assert_replied("BootNotification", BOOT)
    assert answer["status"] == "Accepted"
    assert answer["interval"] == 300
    assert since_now(answer["currentTime"]) < timedelta(seconds=5)


@pytest.mark.parametrize(
    "payload, code",
    [
        ({}, "ProtocolError"),
        ({"chargePointVendor": "Acme"}, "ProtocolError"),
        ({**BOOT, "chargePointVendor": 5}, "TypeConstraintViolation"),
        ({**BOOT, "chargePointVendor": "x" * 21}, "PropertyConstraintViolation"),
        ({**BOOT, "firmware": "1"}, "FormationViolation"),
    ],
)
async def test_invalid(station: Station, anna: Operator, charger: Installed, payload: Any, code: str) -> None:
    await station.assert_call_error("BootNotification", payload, code)
    assert anna.charge_point(charger.identity)["vendor"] == ""


async def test_what_becomes_of_it(station: Station, charger: Installed, anna: Operator, mqtt: Capture) -> None:
    answer = await station.assert_replied("BootNotification", FACTS)
    stored = anna.charge_point(charger.identity)
    expected = {
        "vendor": "Acme",
        "model": "Wallbox 22",
        "serial_number": "SN-1",
        "firmware_version": "1.2.3-β",
        "iccid": "8949",
        "imsi": "262",
        "meter_type": "MID",
        "meter_serial_number": "M-1",
    }
    assert {name: stored[name] for name in expected} == expected
    assert stored["booted_at"] == datetime.fromisoformat(answer["currentTime"])
    assert stored["ocpp_version"] == "1.6"
    event = await mqtt.assert_event(charger.identity, "charge_point.booted")
    assert event.topic == f"ocpp/events/{anna.slug}/{charger.identity}/connection"
    assert event.data == {**expected, "registration": "accepted"}
    status = await mqtt.assert_status(charger.identity, lambda payload: payload.get("vendor") == "Acme")
    assert status.topic == f"ocpp/status/{anna.slug}/{charger.identity}"
    assert status.payload["connected"] is True


async def test_the_same_frame_twice(station: Station, charger: Installed, mqtt: Capture) -> None:
    first = await station.call("BootNotification", BOOT, "same")
    again = await station.call("BootNotification", BOOT, "same")
    assert again.text == first.text
    await station.assert_replied("BootNotification", {**BOOT, "firmwareVersion": "2"})
    await mqtt.assert_event(charger.identity, "charge_point.booted", firmware_version="2")
    assert len(mqtt.of(charger.identity, "charge_point.booted")) == 2


async def test_the_old_name_of_the_serial_number(station: Station, charger: Installed, anna: Operator) -> None:
    await station.boot(chargeBoxSerialNumber="BOX-2")
    assert anna.charge_point(charger.identity)["serial_number"] == "BOX-2"


async def test_the_interval_is_the_tenants(gateway: Any, connect: Connect) -> None:
    dora = Operator.founding("dora", default_heartbeat_interval=77)
    station = await connect(dora.installs())
    assert (await station.boot())["interval"] == 77


# -- Before it is accepted -----------------------------------------------------------------------


@pytest.fixture
def fresh(anna: Operator) -> Installed:
    """A charge point that has never booted."""
    return anna.installs(booted=False)


@pytest.mark.parametrize(
    "action, payload",
    [
        ("Heartbeat", {}),
        ("Authorize", {"idTag": "a"}),
        ("DataTransfer", {"vendorId": "v"}),
        ("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available"}),
        (
            "StartTransaction",
            {"connectorId": 1, "idTag": "a", "meterStart": 0, "timestamp": "2026-01-01T00:00:00Z"},
        ),
        ("Heartbeat", {"nonsense": 1}),
    ],
)
async def test_nothing_else_is_served_before(
    connect: Connect, fresh: Installed, anna: Operator, action: str, payload: Any
) -> None:
    station = await connect(fresh)
    await station.assert_call_error(action, payload, "SecurityError")
    await station.boot()
    assert anna.connectors(fresh.identity) == []
    assert anna.sessions(fresh.identity) == []
    await station.assert_replied("Heartbeat")


async def test_an_acceptance_outlives_the_connection(connect: Connect, fresh: Installed) -> None:
    """Stations do not boot again when only their network was away."""
    await (await connect(fresh)).boot()
    again = await connect(fresh)
    await again.assert_replied("Heartbeat")


@pytest.mark.parametrize("registration, word", [("pending", "Pending"), ("rejected", "Rejected")])
async def test_a_station_that_is_not_wanted_is_told_when_to_ask_again(
    connect: Connect, anna: Operator, mqtt: Capture, registration: str, word: str
) -> None:
    charger = anna.installs(booted=False, registration=registration)
    station = await connect(charger)
    answer = await station.assert_replied("BootNotification", BOOT)
    assert (answer["status"], answer["interval"]) == (word, 60)
    await station.assert_call_error("Heartbeat", {}, "SecurityError")
    stored = anna.charge_point(charger.identity)
    assert stored["vendor"] == "Acme", "what it is is known all the same"
    assert stored["booted_at"] is None
    await mqtt.assert_event(charger.identity, "charge_point.booted", registration=registration)


async def test_a_pending_station_is_accepted_at_its_next_boot(connect: Connect, anna: Operator) -> None:
    charger = anna.installs(booted=False, registration="pending")
    station = await connect(charger)
    pending = await station.call("BootNotification", BOOT, "boot-1")
    assert pending.payload is not None
    assert pending.payload["status"] == "Pending"
    anna.db["charge_points"].update_one({"_id": charger.identity}, {"$set": {"registration": "accepted"}})
    await station.boot()
    await station.assert_replied("Heartbeat")


async def test_a_station_that_is_rejected_later_must_not_work(connect: Connect, anna: Operator) -> None:
    charger = anna.installs(registration="rejected")
    station = await connect(charger)
    await station.assert_call_error("Heartbeat", {}, "SecurityError")


async def test_frames_sent_before_the_answer_are_served_after_it(
    connect: Connect, fresh: Installed, anna: Operator
) -> None:
    """Many stations send their statuses right behind the boot."""
    station = await connect(fresh)
    await station.begin("BootNotification", BOOT, "boot")
    for connector in range(3):
        status = {"connectorId": connector, "errorCode": "NoError", "status": "Available"}
        await station.begin("StatusNotification", status, f"status-{connector}")
    await station.begin("Heartbeat", {}, "beat")
    answers = [await station.answer() for _ in range(5)]
    assert [answer.message_id for answer in answers] == ["boot", "status-0", "status-1", "status-2", "beat"]
    assert all(answer.payload is not None for answer in answers)
    assert [connector["evse_id"] for connector in anna.connectors(fresh.identity)] == [1, 2]


async def test_message_ids_begin_again_with_a_boot(connect: Connect, charger: Installed) -> None:
    """A station that restarts behind a modem that keeps the socket counts its ids from 1 again."""
    station = await connect(charger)
    await station.assert_replied("Heartbeat", message_id="1")
    await station.boot()
    await station.assert_replied("Authorize", {"idTag": "a"}, message_id="1")
