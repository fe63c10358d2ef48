"""Heartbeat (OCPP 1.6 §4.6)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.gateway.v16.test_boot_notification import since_now
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.station import Station


@pytest.mark.parametrize("payload", ["{}", "null", " { } "])
async def test_the_answer_is_our_time(station: Station, payload: str) -> None:
    await station.send(f'[2,"1","Heartbeat",{payload}]')
    answer = await station.answer()
    assert answer.payload is not None
    assert list(answer.payload) == ["currentTime"]
    assert since_now(answer.payload["currentTime"]) < timedelta(seconds=5)


@pytest.mark.parametrize("payload", [{"idTag": "x"}, {"": ""}, {"currentTime": "now"}])
async def test_invalid(station: Station, payload: Any) -> None:
    await station.assert_call_error("Heartbeat", payload, "FormationViolation")


async def test_what_becomes_of_it(station: Station, charger: Installed, anna: Operator, mqtt: Capture) -> None:
    """No write and no event of its own: that a station lives is kept in memory and written now and then."""
    await mqtt.assert_event(charger.identity, "charge_point.connected")
    before = anna.charge_point(charger.identity)
    for _ in range(20):
        await station.assert_replied("Heartbeat")
    assert anna.charge_point(charger.identity) == before
    await station.assert_replied("Authorize", {"idTag": "marker"})
    await mqtt.assert_event(charger.identity, "session.authorized")
    assert len(mqtt.of(charger.identity)) == 2


async def test_the_same_frame_twice(station: Station) -> None:
    first = await station.call("Heartbeat", {}, "same")
    again = await station.call("Heartbeat", {}, "same")
    assert again.text == first.text, "even the time is that of the first answer"
