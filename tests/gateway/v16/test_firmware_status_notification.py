"""FirmwareStatusNotification (OCPP 1.6 §4.5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.station import Station


@pytest.mark.parametrize(
    "status", ["Downloading", "DownloadFailed", "Downloaded", "Installing", "InstallationFailed", "Installed", "Idle"]
)
async def test_every_status_is_taken(station: Station, status: str) -> None:
    await station.assert_replied("FirmwareStatusNotification", {"status": status}, {})


@pytest.mark.parametrize(
    "payload, code",
    [
        ({}, "ProtocolError"),
        ({"status": 1}, "TypeConstraintViolation"),
        ({"status": "Lost"}, "PropertyConstraintViolation"),
        ({"status": "Idle", "requestId": 7}, "FormationViolation"),
    ],
)
async def test_invalid(station: Station, payload: Any, code: str) -> None:
    await station.assert_call_error("FirmwareStatusNotification", payload, code)


async def test_what_becomes_of_it(station: Station, charger: Installed, anna: Operator, mqtt: Capture) -> None:
    """Nobody here has asked for it: the report makes a job, which the next one goes on with."""
    await station.assert_replied("FirmwareStatusNotification", {"status": "Downloading"}, {})
    event = await mqtt.assert_event(charger.identity, "firmware.status_changed", status="downloading")
    (job,) = anna.db["firmware_jobs"].find({"charge_point_id": charger.identity})
    assert event.data == {"job_id": job["_id"], "request_id": None, "status": "downloading", "requested": False}
    assert (job["status"], job["requested_by"]) == ("downloading", "")
    assert [step["status"] for step in job["history"]] == ["downloading"]
    await station.assert_replied("FirmwareStatusNotification", {"status": "Idle"}, {})
    (job,) = anna.db["firmware_jobs"].find({"charge_point_id": charger.identity})
    assert job["status"] == "downloading", "idle says nothing of how it has ended"
    assert [step["status"] for step in job["history"]] == ["downloading", "idle"]


async def test_idle_without_a_job_is_only_announced(
    station: Station, charger: Installed, anna: Operator, mqtt: Capture
) -> None:
    await station.assert_replied("FirmwareStatusNotification", {"status": "Idle"}, {})
    event = await mqtt.assert_event(charger.identity, "firmware.status_changed", status="idle")
    assert event.data["job_id"] is None
    assert not anna.db["firmware_jobs"].count_documents({"charge_point_id": charger.identity})


async def test_the_same_frame_twice(station: Station, charger: Installed, anna: Operator) -> None:
    payload = {"status": "Downloading"}
    first = await station.call("FirmwareStatusNotification", payload, "same")
    again = await station.call("FirmwareStatusNotification", payload, "same")
    assert again.text == first.text
    (job,) = anna.db["firmware_jobs"].find({"charge_point_id": charger.identity})
    assert len(job["history"]) == 1
