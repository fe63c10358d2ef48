"""SecurityEventNotification."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.station import Station

EVENT = {"type": "TamperDetectionActivated", "timestamp": "2026-05-01T10:00:00.000Z", "techInfo": "door 2"}


@pytest.mark.parametrize("change", [{}, {"techInfo": ""}, {"type": "AnyWord", "techInfo": "<b>$where.a</b>"}])
async def test_any_type_is_taken(station: Station, change: Any) -> None:
    await station.assert_replied("SecurityEventNotification", {**EVENT, **change}, {})


@pytest.mark.parametrize(
    "payload, code",
    [
        ({}, "ProtocolError"),
        ({"type": "InvalidMessages"}, "ProtocolError"),
        ({**EVENT, "type": "x" * 51}, "PropertyConstraintViolation"),
        ({**EVENT, "techInfo": "x" * 256}, "PropertyConstraintViolation"),
        ({**EVENT, "timestamp": "yesterday"}, "PropertyConstraintViolation"),
        ({**EVENT, "more": 1}, "FormationViolation"),
    ],
)
async def test_invalid(station: Station, payload: Any, code: str) -> None:
    await station.assert_call_error("SecurityEventNotification", payload, code)


async def test_what_becomes_of_it(station: Station, charger: Installed, anna: Operator, mqtt: Capture) -> None:
    await station.assert_replied("SecurityEventNotification", EVENT, {})
    event = await mqtt.assert_event(charger.identity, "security.event_reported")
    (stored,) = anna.db["security_events"].find({"charge_point_id": charger.identity})
    assert (stored["type"], stored["tech_info"]) == ("TamperDetectionActivated", "door 2")
    assert stored["timestamp"].isoformat() == "2026-05-01T10:00:00+00:00"
    assert event.data == {
        "security_event_id": stored["_id"],
        "type": "TamperDetectionActivated",
        "tech_info": "door 2",
        "source": "station",
    }


async def test_the_same_frame_twice(station: Station, charger: Installed, anna: Operator, mqtt: Capture) -> None:
    """Also with another message id, as after a lost answer: one event, announced once."""
    first = await station.call("SecurityEventNotification", EVENT, "same")
    assert (await station.call("SecurityEventNotification", EVENT, "same")).text == first.text
    await station.assert_replied("SecurityEventNotification", EVENT, {})
    await station.assert_replied("SecurityEventNotification", {**EVENT, "type": "Marker"}, {})
    await mqtt.assert_event(charger.identity, "security.event_reported", type="Marker")
    assert len(mqtt.of(charger.identity, "security.event_reported")) == 2
    assert anna.db["security_events"].count_documents({"charge_point_id": charger.identity}) == 2
