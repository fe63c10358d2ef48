"""Firmware updates: asked for over REST, followed through the station's reports."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.mqtt_capture import Capture
from tests.people import Installed
from tests.rest_client import Rest
from tests.station import Station

UPDATE = {"location": "https://example.com/fw.bin", "retrieve_at": "2026-05-01T10:00:00Z", "retries": 2}
SIGNED = {**UPDATE, "signing_certificate": "-----BEGIN CERTIFICATE-----", "signature": "c2ln"}


async def report(station: Station, *statuses: str, **more: Any) -> None:
    """Send the statuses one after another; those of a signed update with their request id."""
    action = "SignedFirmwareStatusNotification" if more else "FirmwareStatusNotification"
    for status in statuses:
        await station.assert_replied(action, {"status": status, **more}, {})


async def asked(rest: Rest, station: Station, answer: Any, verb: str = "update-firmware") -> tuple[Any, dict[str, Any]]:
    """Ask for an update and return the command, ended, and what the station was sent."""
    signed = verb == "signed-update-firmware"
    asking = rest.asking(station.identity, verb, SIGNED if signed else UPDATE)
    payload = await station.obey("SignedUpdateFirmware" if signed else "UpdateFirmware", answer)
    return await asking, payload


def steps(job: Any) -> list[str]:
    return [step["status"] for step in job["history"]]


async def test_download_and_install(station: Station, charger: Installed, rest: Rest, mqtt: Capture) -> None:
    command, payload = await asked(rest, station, {})
    expected = {"location": UPDATE["location"], "retrieveDate": "2026-05-01T10:00:00.000Z", "retries": 2}
    assert payload == expected
    job = await rest.get(f"firmware-jobs/{command['id']}")
    assert (job["status"], job["signed"], job["retries"]) == ("requested", False, 2)
    assert job["retrieve_at"] == "2026-05-01T10:00:00.000Z"
    assert job["requested_by"] == command["requested_by"]
    await report(station, "Downloading", "Downloaded", "Installing", "Installed")
    event = await mqtt.assert_event(charger.identity, "firmware.status_changed", status="installed")
    assert event.data == {"job_id": job["id"], "request_id": None, "status": "installed", "requested": True}
    assert event.topic.endswith("/firmware")
    job = await rest.get(f"firmware-jobs/{command['id']}")
    assert job["status"] == "installed"
    assert steps(job) == ["requested", "downloading", "downloaded", "installing", "installed"]
    listed = await rest.get("firmware-jobs", charge_point_id=charger.identity, ordering="created_at")
    assert [one["id"] for one in listed["results"]] == [job["id"]]


async def test_a_failed_download_is_tried_again_in_the_same_job(station: Station, rest: Rest) -> None:
    command, _ = await asked(rest, station, {})
    await report(station, "Downloading", "DownloadFailed")
    assert (await rest.get(f"firmware-jobs/{command['id']}"))["status"] == "download_failed"
    await report(station, "Downloading", "Downloaded", "Installing", "InstallationFailed")
    job = await rest.get(f"firmware-jobs/{command['id']}")
    assert (job["status"], len(job["history"])) == ("installation_failed", 7)


async def test_reports_that_come_at_once_belong_to_the_job(station: Station, rest: Rest) -> None:
    """The station does not wait until its answer is stored here."""
    asking = rest.asking(station.identity, "update-firmware", UPDATE)
    request = await station.expect("UpdateFirmware")
    await station.reply(request, {})
    await report(station, "Downloading")
    command = await asking
    (job,) = (await rest.get("firmware-jobs", charge_point_id=station.identity))["results"]
    assert (job["id"], job["status"], job["location"]) == (command["id"], "downloading", UPDATE["location"])
    assert steps(job) == ["requested", "downloading"]


async def test_an_update_after_the_last_one_is_a_job_of_its_own(station: Station, rest: Rest) -> None:
    await asked(rest, station, {})
    await report(station, "Installed")
    await report(station, "Downloading", "Installed")
    jobs = (await rest.get("firmware-jobs", charge_point_id=station.identity))["results"]
    assert [(bool(job["requested_by"]), steps(job)) for job in jobs] == [
        (False, ["downloading", "installed"]),
        (True, ["requested", "installed"]),
    ]


async def test_a_signed_update_is_verified_and_installed(station: Station, charger: Installed, rest: Rest) -> None:
    command, payload = await asked(rest, station, {"status": "Accepted"}, "signed-update-firmware")
    assert command["state"] == "accepted"
    assert payload["firmware"]["signature"] == "c2ln"
    number = payload["requestId"]
    await report(station, "Downloading", "Downloaded", "SignatureVerified", "Installing", "Installed", requestId=number)
    job = await rest.get(f"firmware-jobs/{command['id']}")
    assert (job["status"], job["signed"], job["request_id"]) == ("installed", True, number)
    assert steps(job)[3] == "signature_verified"


@pytest.mark.parametrize("answer", ["InvalidCertificate", "RevokedCertificate", "Rejected"])
async def test_a_station_refuses_a_signed_update(station: Station, rest: Rest, answer: str) -> None:
    command, _ = await asked(rest, station, {"status": answer}, "signed-update-firmware")
    assert command["state"] == "rejected"
    words = {"InvalidCertificate": "invalid_certificate", "RevokedCertificate": "revoked_certificate"}
    job = await rest.get(f"firmware-jobs/{command['id']}")
    assert job["status"] == words.get(answer, "rejected")


async def test_a_bad_signature_ends_the_job(station: Station, rest: Rest) -> None:
    command, payload = await asked(rest, station, {"status": "Accepted"}, "signed-update-firmware")
    await report(station, "Downloaded", "InvalidSignature", requestId=payload["requestId"])
    assert (await rest.get(f"firmware-jobs/{command['id']}"))["status"] == "invalid_signature"


async def test_a_newer_request_cancels_the_one_under_way(station: Station, rest: Rest) -> None:
    first, payload = await asked(rest, station, {"status": "Accepted"}, "signed-update-firmware")
    await report(station, "Downloading", requestId=payload["requestId"])
    second, _ = await asked(rest, station, {"status": "AcceptedCanceled"}, "signed-update-firmware")
    assert second["state"] == "accepted"
    assert (await rest.get(f"firmware-jobs/{first['id']}"))["status"] == "cancelled"
    assert (await rest.get(f"firmware-jobs/{second['id']}"))["status"] == "requested"


async def test_a_report_before_the_answer_stands_behind_the_request(station: Station, rest: Rest) -> None:
    asking = rest.asking(station.identity, "update-firmware", UPDATE)
    request = await station.expect("UpdateFirmware")
    await report(station, "Downloading")
    await station.reply(request, {})
    job = await rest.get(f"firmware-jobs/{(await asking)['id']}")
    assert (job["status"], steps(job)) == ("downloading", ["requested", "downloading"])
    times = [step["at"] for step in job["history"]]
    assert times == sorted(times)


async def test_a_newer_request_leaves_one_that_has_failed_as_it_was(station: Station, rest: Rest) -> None:
    first, payload = await asked(rest, station, {"status": "Accepted"}, "signed-update-firmware")
    await report(station, "DownloadFailed", requestId=payload["requestId"])
    await asked(rest, station, {"status": "AcceptedCanceled"}, "signed-update-firmware")
    assert (await rest.get(f"firmware-jobs/{first['id']}"))["status"] == "download_failed"


async def test_a_station_that_answers_with_an_error_leaves_the_job_unanswered(station: Station, rest: Rest) -> None:
    asking: asyncio.Task[Any] = rest.asking(station.identity, "update-firmware", UPDATE)
    await station.refuse(await station.expect("UpdateFirmware"), "NotSupported")
    command = await asking
    assert command["state"] == "failed"
    assert (await rest.get(f"firmware-jobs/{command['id']}"))["status"] == "unanswered"
