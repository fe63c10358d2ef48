"""StatusNotification (OCPP 1.6 §4.9)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.gateway.conftest import Connect
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.scenarios.scene import STATES
from tests.station import Station

AVAILABLE = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}


async def test_every_state_has_a_word_of_ours(station: Station, charger: Installed, anna: Operator) -> None:
    for word, state in STATES.items():
        await station.assert_replied("StatusNotification", {**AVAILABLE, "status": word}, {})
        assert anna.connectors(charger.identity)[0]["status"] == state


@pytest.mark.parametrize(
    "payload, code",
    [
        ({}, "ProtocolError"),
        ({**AVAILABLE, "connectorId": "1"}, "TypeConstraintViolation"),
        ({**AVAILABLE, "connectorId": 2**63}, "PropertyConstraintViolation"),
        ({**AVAILABLE, "connectorId": 2**64}, "TypeConstraintViolation"),
        ({**AVAILABLE, "connectorId": -1}, "PropertyConstraintViolation"),
        ({**AVAILABLE, "connectorId": 1001}, "PropertyConstraintViolation"),
        ({**AVAILABLE, "status": "available"}, "PropertyConstraintViolation"),
        ({**AVAILABLE, "errorCode": "Fire"}, "PropertyConstraintViolation"),
        ({**AVAILABLE, "info": "x" * 51}, "PropertyConstraintViolation"),
        ({**AVAILABLE, "timestamp": "yesterday"}, "PropertyConstraintViolation"),
        ({**AVAILABLE, "timestamp": "2026-13-01T00:00:00Z"}, "PropertyConstraintViolation"),
        ({**AVAILABLE, "timestamp": ""}, "PropertyConstraintViolation"),
        ({**AVAILABLE, "more": 1}, "FormationViolation"),
    ],
)
async def test_invalid(station: Station, charger: Installed, anna: Operator, payload: Any, code: str) -> None:
    await station.assert_call_error("StatusNotification", payload, code)
    assert anna.connectors(charger.identity) == []


async def test_what_becomes_of_it(station: Station, charger: Installed, anna: Operator, mqtt: Capture) -> None:
    fault = {
        "connectorId": 2,
        "status": "Faulted",
        "errorCode": "GroundFailure",
        "info": "lid open",
        "vendorId": "com.acme",
        "vendorErrorCode": "E42",
        "timestamp": "2026-05-04T03:02:01.987Z",
    }
    await station.assert_replied("StatusNotification", fault, {})
    (connector,) = anna.connectors(charger.identity)
    assert connector == {
        "_id": f"{charger.identity}/2/1",
        "charge_point_id": charger.identity,
        "evse_id": 2,
        "connector_id": 1,
        "type": "",
        "max_power": None,
        "status": "faulted",
        "error_code": "GroundFailure",
        "info": "lid open",
        "vendor_error_code": "E42",
        "updated_at": datetime(2026, 5, 4, 3, 2, 1, 987000, tzinfo=UTC),
    }
    event = await mqtt.assert_event(charger.identity, "connector.status_changed")
    assert event.topic == f"ocpp/events/{anna.slug}/{charger.identity}/connection"
    assert event.payload["timestamp"] == "2026-05-04T03:02:01.987000Z"
    assert event.data == {
        "evse_id": 2,
        "connector_id": 1,
        "status": "faulted",
        "error_code": "GroundFailure",
        "info": "lid open",
        "vendor_error_code": "E42",
    }
    status = await mqtt.assert_status(charger.identity, lambda payload: payload["connectors"])
    assert [c["status"] for c in status.payload["connectors"]] == ["faulted"]


async def test_the_same_frame_twice(station: Station, charger: Installed, mqtt: Capture) -> None:
    first = await station.call("StatusNotification", AVAILABLE, "same")
    again = await station.call("StatusNotification", AVAILABLE, "same")
    assert again.text == first.text
    await station.assert_replied("StatusNotification", {**AVAILABLE, "status": "Preparing"})
    await mqtt.assert_event(charger.identity, "connector.status_changed", status="preparing")
    assert len(mqtt.of(charger.identity, "connector.status_changed")) == 2


async def test_connector_0_is_the_station(station: Station, charger: Installed, anna: Operator, mqtt: Capture) -> None:
    report = {"connectorId": 0, "errorCode": "PowerMeterFailure", "status": "Unavailable"}
    await station.assert_replied("StatusNotification", report, {})
    stored = anna.charge_point(charger.identity)
    assert (stored["status"], stored["error_code"]) == ("unavailable", "PowerMeterFailure")
    assert anna.connectors(charger.identity) == []
    await mqtt.assert_status(charger.identity, lambda payload: payload["status"] == "unavailable")


async def test_a_fault_ends(station: Station, charger: Installed, anna: Operator) -> None:
    fault = {**AVAILABLE, "status": "Faulted", "errorCode": "OverVoltage", "info": "i", "vendorErrorCode": "v"}
    await station.assert_replied("StatusNotification", fault)
    await station.assert_replied("StatusNotification", AVAILABLE)
    (connector,) = anna.connectors(charger.identity)
    assert [connector[name] for name in ("error_code", "info", "vendor_error_code")] == ["", "", ""]


@pytest.mark.parametrize(
    "text, moment",
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02t03:04:05z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (" 2026-01-02T03:04:05Z ", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05.1Z", datetime(2026, 1, 2, 3, 4, 5, 100000, tzinfo=UTC)),
        ("2026-01-02T03:04:05.123456789Z", datetime(2026, 1, 2, 3, 4, 5, 123000, tzinfo=UTC)),
        ("2026-01-02T03:04:05+02:00", datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05-0930", datetime(2026, 1, 2, 12, 34, 5, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999Z", datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)),
    ],
)
async def test_times_as_stations_write_them(
    station: Station, charger: Installed, anna: Operator, text: str, moment: datetime
) -> None:
    await station.assert_replied("StatusNotification", {**AVAILABLE, "timestamp": text}, {})
    assert anna.connectors(charger.identity)[0]["updated_at"] == moment


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"])
async def test_times_no_calendar_holds(station: Station, text: str) -> None:
    await station.assert_call_error(
        "StatusNotification", {**AVAILABLE, "timestamp": text}, "PropertyConstraintViolation"
    )


async def test_without_a_time_it_is_ours(station: Station, charger: Installed, anna: Operator) -> None:
    await station.assert_replied("StatusNotification", AVAILABLE)
    age = datetime.now(UTC) - anna.connectors(charger.identity)[0]["updated_at"]
    assert abs(age.total_seconds()) < 5


async def test_the_retained_status_has_every_connector_after_a_reconnect(
    connect: Connect, charger: Installed, mqtt: Capture
) -> None:
    station = await connect(charger)
    for number in (1, 2):
        await station.assert_replied("StatusNotification", {**AVAILABLE, "connectorId": number})
    again = await connect(charger)
    await again.assert_replied("StatusNotification", {**AVAILABLE, "connectorId": 2, "status": "Charging"})
    status = await mqtt.assert_status(
        charger.identity, lambda payload: [c["status"] for c in payload["connectors"]] == ["available", "charging"]
    )
    assert [c["evse_id"] for c in status.payload["connectors"]] == [1, 2]
    mqtt.assert_in_order(charger.identity)


async def test_texts_are_kept_to_the_letter(station: Station, charger: Installed, anna: Operator) -> None:
    for text in ("<b>&amp;</b>", "=1+1", "\x1b[31mred", "a\nb\r\nc", "😀" * 50, "\u202eabc", "a\0b", "$x", "a.b"):
        await station.assert_replied("StatusNotification", {**AVAILABLE, "info": text})
        assert anna.connectors(charger.identity)[0]["info"] == text
