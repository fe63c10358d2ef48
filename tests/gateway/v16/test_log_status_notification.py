"""LogStatusNotification."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.station import Station


@pytest.mark.parametrize(
    "status",
    ["Uploading", "Uploaded", "UploadFailure", "BadMessage", "NotSupportedOperation", "PermissionDenied", "Idle"],
)
async def test_every_status_is_taken(station: Station, status: str) -> None:
    await station.assert_replied("LogStatusNotification", {"status": status}, {})


@pytest.mark.parametrize(
    "payload, code",
    [
        ({}, "ProtocolError"),
        ({"status": 1}, "TypeConstraintViolation"),
        ({"status": "Lost"}, "PropertyConstraintViolation"),
        ({"status": "Idle", "requestId": "7"}, "TypeConstraintViolation"),
        ({"status": "Idle", "requestId": 2**70}, "PropertyConstraintViolation"),
    ],
)
async def test_invalid(station: Station, payload: Any, code: str) -> None:
    await station.assert_call_error("LogStatusNotification", payload, code)


async def test_what_becomes_of_it(station: Station, charger: Installed, anna: Operator, mqtt: Capture) -> None:
    """Nobody here has asked for it: the report makes a job, which the next one goes on with."""
    await station.assert_replied("LogStatusNotification", {"status": "Uploading"}, {})
    event = await mqtt.assert_event(charger.identity, "log.status_changed", status="uploading")
    (job,) = anna.db["log_jobs"].find({"charge_point_id": charger.identity})
    assert event.data == {"job_id": job["_id"], "request_id": None, "status": "uploading", "requested": False}
    assert (job["status"], job["requested_by"]) == ("uploading", "")
    assert [step["status"] for step in job["history"]] == ["uploading"]
    await station.assert_replied("LogStatusNotification", {"status": "Idle"}, {})
    (job,) = anna.db["log_jobs"].find({"charge_point_id": charger.identity})
    assert job["status"] == "uploading", "idle says nothing of how it has ended"
    assert [step["status"] for step in job["history"]] == ["uploading", "idle"]


async def test_idle_without_a_job_is_only_announced(
    station: Station, charger: Installed, anna: Operator, mqtt: Capture
) -> None:
    await station.assert_replied("LogStatusNotification", {"status": "Idle"}, {})
    event = await mqtt.assert_event(charger.identity, "log.status_changed", status="idle")
    assert event.data["job_id"] is None
    assert not anna.db["log_jobs"].count_documents({"charge_point_id": charger.identity})


async def test_the_same_frame_twice(station: Station, charger: Installed, anna: Operator) -> None:
    payload = {"status": "Uploading"}
    first = await station.call("LogStatusNotification", payload, "same")
    again = await station.call("LogStatusNotification", payload, "same")
    assert again.text == first.text
    (job,) = anna.db["log_jobs"].find({"charge_point_id": charger.identity})
    assert len(job["history"]) == 1
