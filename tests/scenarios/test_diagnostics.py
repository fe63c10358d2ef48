"""Diagnostics and logs (OCPP 1.6 §4.4, §5.9; security white paper A04, N01): uploaded to us, and failed."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.scenarios.scene import Scene
from tests.serving import Gateway

FILE = b"2026-05-01 10:00 door opened\n" * 1000


async def upload(gateway: Gateway, location: str, name: str) -> None:
    """Put a file where the station was told to."""
    async with httpx.AsyncClient(base_url=gateway.url.replace("ws", "http"), timeout=30) as http:
        answer = await http.put(f"{urlsplit(location).path}/{name}", content=FILE)
        assert answer.status_code == 201, answer.text


async def reports(scene: Scene, action: str, job: str, *steps: tuple[str, str], **more: Any) -> None:
    for word, status in steps:
        await scene.station.assert_replied(action, {"status": word, **more}, {})
        await scene.event("log.status_changed", status=status, job_id=job)
    shown = await scene.rest.get(f"log-jobs/{job}")
    assert [step["status"] for step in shown["history"]][1:] == [status for _, status in steps]


async def test_diagnostics_are_uploaded(scene: Scene, gateway: Gateway) -> None:
    sent, command = await scene.ask("get-diagnostics", {}, "GetDiagnostics", {"fileName": "diag.zip"})
    job = command["id"]
    await reports(scene, "DiagnosticsStatusNotification", job, ("Uploading", "uploading"))
    await upload(gateway, sent["location"], "diag.zip")
    await scene.station.assert_replied("DiagnosticsStatusNotification", {"status": "Uploaded"}, {})
    await scene.event("log.status_changed", status="uploaded", job_id=job)
    shown = await scene.rest.get(f"log-jobs/{job}")
    assert (shown["status"], shown["file"]["size"]) == ("uploaded", len(FILE))


async def test_the_upload_of_diagnostics_fails(scene: Scene) -> None:
    body = {"location": "ftp://files.example/in"}
    sent, command = await scene.ask("get-diagnostics", body, "GetDiagnostics", {"fileName": "diag.zip"})
    assert sent == body
    steps = (("Uploading", "uploading"), ("UploadFailed", "upload_failed"))
    await reports(scene, "DiagnosticsStatusNotification", command["id"], *steps)


@pytest.mark.parametrize(
    "kind, word", [("security", "SecurityLog"), ("diagnostics", "DiagnosticsLog")], ids=["security", "diagnostics"]
)
async def test_a_log_is_uploaded(scene: Scene, gateway: Gateway, kind: str, word: str) -> None:
    answer = {"status": "Accepted", "filename": "station.log"}
    sent, command = await scene.ask("get-log", {"kind": kind}, "GetLog", answer)
    assert sent["logType"] == word
    number, job = sent["requestId"], command["id"]
    await reports(scene, "LogStatusNotification", job, ("Uploading", "uploading"), requestId=number)
    await upload(gateway, sent["log"]["remoteLocation"], "station.log")
    await scene.station.assert_replied("LogStatusNotification", {"status": "Uploaded", "requestId": number}, {})
    await scene.event("log.status_changed", status="uploaded", job_id=job)
    shown = await scene.rest.get(f"log-jobs/{job}")
    assert (shown["kind"], shown["file"]["size"]) == (kind, len(FILE))
