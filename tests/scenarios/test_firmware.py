"""Firmware (OCPP 1.6 §4.5, §5.19; security white paper L01 to L03): installed, not fetched, not installed; signed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.scene import Scene

UPDATE = {"location": "https://example.com/fw.bin", "retrieve_at": "2026-05-01T10:00:00Z"}
SIGNED = {**UPDATE, "signing_certificate": "-----BEGIN CERTIFICATE-----", "signature": "c2ln"}


async def follow(scene: Scene, job: str, *steps: tuple[str, str], request: int | None = None) -> None:
    """Have the station report each status; each is told, stored and shown."""
    action = "FirmwareStatusNotification" if request is None else "SignedFirmwareStatusNotification"
    more = {} if request is None else {"requestId": request}
    for word, status in steps:
        await scene.station.assert_replied(action, {"status": word, **more}, {})
        await scene.event("firmware.status_changed", status=status, job_id=job)
        stored = scene.operator.db["firmware_jobs"].find_one({"_id": job})
        assert stored is not None
        assert stored["status"] == status
    shown = await scene.rest.get(f"firmware-jobs/{job}")
    assert [step["status"] for step in shown["history"]][1:] == [status for _, status in steps]


DOWNLOADED = (("Downloading", "downloading"), ("Downloaded", "downloaded"))


@pytest.mark.parametrize(
    "steps",
    [
        (*DOWNLOADED, ("Installing", "installing"), ("Installed", "installed")),
        (("Downloading", "downloading"), ("DownloadFailed", "download_failed")),
        (*DOWNLOADED, ("Installing", "installing"), ("InstallationFailed", "installation_failed")),
    ],
    ids=["installed", "download failed", "installation failed"],
)
async def test_an_update(scene: Scene, steps: Any) -> None:
    sent, command = await scene.ask("update-firmware", UPDATE, "UpdateFirmware", {})
    assert sent == {"location": UPDATE["location"], "retrieveDate": "2026-05-01T10:00:00.000Z"}
    await follow(scene, command["id"], *steps)


async def test_the_new_version_is_known_after_the_boot(scene: Scene) -> None:
    _, command = await scene.ask("update-firmware", UPDATE, "UpdateFirmware", {})
    await follow(scene, command["id"], *DOWNLOADED, ("Installing", "installing"))
    await scene.station.drop()
    await scene.event("charge_point.disconnected")
    await scene.reconnect()
    await scene.station.boot(firmwareVersion="2.0")
    await follow_up_installed(scene, command["id"])
    assert (await scene.rest.get(scene.path))["firmware_version"] == "2.0"


async def follow_up_installed(scene: Scene, job: str) -> None:
    await scene.station.assert_replied("FirmwareStatusNotification", {"status": "Installed"}, {})
    await scene.event("firmware.status_changed", status="installed", job_id=job)


async def test_a_signed_update(scene: Scene) -> None:
    answer = {"status": "Accepted"}
    sent, command = await scene.ask("signed-update-firmware", SIGNED, "SignedUpdateFirmware", answer)
    assert sent["firmware"]["signature"] == "c2ln"
    verified = ("SignatureVerified", "signature_verified")
    steps = (*DOWNLOADED, verified, ("Installing", "installing"), ("Installed", "installed"))
    await follow(scene, command["id"], *steps, request=sent["requestId"])


async def test_a_signed_update_with_a_bad_signature(scene: Scene) -> None:
    """The station says so twice: of the update, and as a security event."""
    answer = {"status": "Accepted"}
    sent, command = await scene.ask("signed-update-firmware", SIGNED, "SignedUpdateFirmware", answer)
    steps = (*DOWNLOADED, ("InvalidSignature", "invalid_signature"))
    await follow(scene, command["id"], *steps, request=sent["requestId"])
    report = {"type": "InvalidFirmwareSignature", "timestamp": "2026-05-01T10:00:00Z"}
    await scene.station.assert_replied("SecurityEventNotification", report, {})
    await scene.event("security.event_reported", type="InvalidFirmwareSignature")
    listed = await scene.rest.get("security-events", charge_point_id=scene.identity)
    assert [one["type"] for one in listed["results"]] == ["InvalidFirmwareSignature"]


@pytest.mark.parametrize("answer", ["InvalidCertificate", "RevokedCertificate"])
async def test_a_signed_update_with_a_bad_certificate(scene: Scene, answer: str) -> None:
    _, command = await scene.ask("signed-update-firmware", SIGNED, "SignedUpdateFirmware", {"status": answer})
    assert command["state"] == "rejected"
    status = {"InvalidCertificate": "invalid_certificate", "RevokedCertificate": "revoked_certificate"}[answer]
    assert (await scene.rest.get(f"firmware-jobs/{command['id']}"))["status"] == status
