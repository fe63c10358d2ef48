"""Authorize (OCPP 1.6 §4.1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.station import Station

ANSWERS = {"accepted": "Accepted", "blocked": "Blocked", "expired": "Expired", "invalid": "Invalid"}


@pytest.mark.parametrize("status", sorted(ANSWERS))
async def test_a_tag_gets_its_own_status(station: Station, anna: Operator, status: str) -> None:
    tag = anna.issues(status=status)
    await station.assert_replied("Authorize", {"idTag": tag}, {"idTagInfo": {"status": ANSWERS[status]}})


@pytest.mark.parametrize(
    "payload, code",
    [
        ({}, "ProtocolError"),
        ({"idTag": 5}, "TypeConstraintViolation"),
        ({"idTag": "x" * 21}, "PropertyConstraintViolation"),
        ({"idTag": "x", "vendor": "y"}, "FormationViolation"),
    ],
)
async def test_invalid(station: Station, mqtt: Capture, charger: Installed, payload: Any, code: str) -> None:
    await station.assert_call_error("Authorize", payload, code)
    await station.assert_replied("Authorize", {"idTag": "marker"})
    await mqtt.assert_event(charger.identity, "session.authorized", id_tag="marker")
    assert len(mqtt.of(charger.identity, "session.authorized")) == 1


async def test_what_becomes_of_it(station: Station, charger: Installed, anna: Operator, mqtt: Capture) -> None:
    """The verdict is announced; nothing is stored, because nothing has happened yet."""
    tag = anna.issues()
    await station.assert_replied("Authorize", {"idTag": tag.upper()})
    event = await mqtt.assert_event(charger.identity, "session.authorized")
    assert event.topic == f"ocpp/events/{anna.slug}/{charger.identity}/session"
    assert event.payload["tenant_id"] == anna.slug
    assert event.payload["session_id"] is None
    assert event.data == {"id_tag": tag.upper(), "status": "accepted"}
    assert anna.sessions(charger.identity) == []


async def test_the_same_frame_twice(station: Station, charger: Installed, anna: Operator, mqtt: Capture) -> None:
    tag = anna.issues()
    first = await station.call("Authorize", {"idTag": tag}, "same")
    anna.issues(tag, status="blocked")
    again = await station.call("Authorize", {"idTag": tag}, "same")
    assert again.text == first.text, "a repeated message gets the first answer, not a fresh check"
    await station.assert_replied("Authorize", {"idTag": tag}, {"idTagInfo": {"status": "Blocked"}})
    await mqtt.assert_event(charger.identity, "session.authorized", status="blocked")
    assert len(mqtt.of(charger.identity, "session.authorized")) == 2


async def test_case_makes_no_difference(station: Station, anna: Operator) -> None:
    tag = anna.issues("MiXeD-case-1")
    for spelling in (tag, tag.upper(), tag.lower()):
        await station.assert_replied("Authorize", {"idTag": spelling}, {"idTagInfo": {"status": "Accepted"}})


async def test_an_unknown_tag_is_an_answer_and_not_an_error(station: Station) -> None:
    for tag in ("nobody", "", "😀" * 20, "a\0b", "$where", "a.b", "<script>", "=cmd()", "\x1b[31m"):
        await station.assert_replied("Authorize", {"idTag": tag}, {"idTagInfo": {"status": "Invalid"}})


async def test_a_tag_expires(station: Station, anna: Operator) -> None:
    past = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    future = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    over, valid = anna.issues(expires_at=past), anna.issues(expires_at=future)
    await station.assert_replied(
        "Authorize",
        {"idTag": over},
        {"idTagInfo": {"status": "Expired", "expiryDate": "2026-01-02T03:04:05.678Z"}},
    )
    expiry = future.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    await station.assert_replied(
        "Authorize", {"idTag": valid}, {"idTagInfo": {"status": "Accepted", "expiryDate": expiry}}
    )


async def test_a_blocked_tag_stays_blocked_when_it_expires(station: Station, anna: Operator) -> None:
    tag = anna.issues(status="blocked", expires_at=datetime(2026, 1, 1, tzinfo=UTC))
    answer = await station.assert_replied("Authorize", {"idTag": tag})
    assert answer["idTagInfo"]["status"] == "Blocked"


async def test_the_group_of_a_tag_is_told(station: Station, anna: Operator) -> None:
    tag = anna.issues(parent_id_tag="FAMILY")
    info = {"status": "Accepted", "parentIdTag": "FAMILY"}
    await station.assert_replied("Authorize", {"idTag": tag}, {"idTagInfo": info})


async def test_a_group_with_too_long_a_name_does_not_spoil_the_answer(station: Station, anna: Operator) -> None:
    tag = anna.issues(parent_id_tag="F" * 36)
    answer = await station.assert_replied("Authorize", {"idTag": tag})
    assert answer["idTagInfo"]["parentIdTag"] == "F" * 20


async def test_a_busy_tag_may_be_presented(station: Station, anna: Operator) -> None:
    """Whether a tag charges elsewhere is a question for the start (OCPP 1.6 §7.2)."""
    tag = anna.issues(max_active=0)
    await station.assert_replied("Authorize", {"idTag": tag}, {"idTagInfo": {"status": "Accepted"}})


async def test_another_tenants_tag_is_unknown(station: Station, boris: Operator) -> None:
    await station.assert_replied("Authorize", {"idTag": boris.issues()}, {"idTagInfo": {"status": "Invalid"}})
