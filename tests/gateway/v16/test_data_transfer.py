"""DataTransfer (OCPP 1.6 §4.3)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.station import Station

UNKNOWN = {"status": "UnknownVendorId"}


@pytest.mark.parametrize(
    "payload",
    [
        {"vendorId": "com.acme"},
        {"vendorId": "com.acme", "messageId": "m", "data": "x" * 100_000},
        {"vendorId": "", "data": ""},
        {"vendorId": "v", "data": '{"$where": "1"}'},
    ],
)
async def test_an_unknown_vendor_is_told_so(station: Station, payload: Any) -> None:
    await station.assert_replied("DataTransfer", payload, UNKNOWN)


@pytest.mark.parametrize(
    "payload, code",
    [
        ({}, "ProtocolError"),
        ({"vendorId": 1}, "TypeConstraintViolation"),
        ({"vendorId": "x" * 256}, "PropertyConstraintViolation"),
        ({"vendorId": "x", "messageId": "m" * 51}, "PropertyConstraintViolation"),
        ({"vendorId": "x", "data": {"a": 1}}, "TypeConstraintViolation"),
        ({"vendorId": "x", "more": 1}, "FormationViolation"),
    ],
)
async def test_invalid(station: Station, payload: Any, code: str) -> None:
    await station.assert_call_error("DataTransfer", payload, code)


async def test_what_becomes_of_it(station: Station, charger: Installed, anna: Operator, mqtt: Capture) -> None:
    """Nothing: what nobody understands is neither stored nor announced."""
    await mqtt.assert_event(charger.identity, "charge_point.connected")
    before = anna.charge_point(charger.identity) | {"last_seen": None}
    await station.assert_replied("DataTransfer", {"vendorId": "v", "data": "secret"})
    await station.assert_replied("Authorize", {"idTag": "marker"})
    await mqtt.assert_event(charger.identity, "session.authorized")
    assert [event.type for event in mqtt.of(charger.identity)] == ["charge_point.connected", "session.authorized"]
    assert anna.charge_point(charger.identity) | {"last_seen": None} == before


async def test_the_same_frame_twice(station: Station) -> None:
    first = await station.call("DataTransfer", {"vendorId": "v"}, "same")
    again = await station.call("DataTransfer", {"vendorId": "v"}, "same")
    assert again.text == first.text
