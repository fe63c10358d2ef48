"""Diagnostics and logs: asked for over REST, uploaded by the station to us or elsewhere, downloaded by the tenant."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tenants.models import Role
from tests.mqtt_capture import Capture
from tests.people import Operator
from tests.rest_client import Rest, token_for
from tests.serving import Gateway
from tests.station import Station

FILE = b"2026-05-01 10:00 door opened\n" * 20_000


@pytest.fixture
async def http(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    """Plain HTTP to the gateway, as a station uploads with it."""
    async with httpx.AsyncClient(base_url=gateway.url.replace("ws", "http"), timeout=30) as client:
        yield client


async def asked(rest: Rest, station: Station, verb: str = "get-diagnostics", **body: Any) -> tuple[Any, str]:
    """Ask for an upload and return the command, ended, and the path of the location the station was given."""
    asking = rest.asking(station.identity, verb, body)
    if verb == "get-log":
        payload = await station.obey("GetLog", {"status": "Accepted", "filename": "sec.log"})
        location = payload["log"]["remoteLocation"]
    else:
        location = (await station.obey("GetDiagnostics", {"fileName": "diag.zip"}))["location"]
    return await asking, urlsplit(location).path


async def test_diagnostics_are_uploaded_to_us_and_downloaded(
    station: Station, anna: Operator, rest: Rest, mqtt: Capture, http: httpx.AsyncClient
) -> None:
    command, path = await asked(rest, station)
    await station.assert_replied("DiagnosticsStatusNotification", {"status": "Uploading"}, {})
    answer = await http.put(f"{path}/diag.zip", content=FILE)
    assert answer.status_code == 201, answer.text
    await station.assert_replied("DiagnosticsStatusNotification", {"status": "Uploaded"}, {})
    event = await mqtt.assert_event(station.identity, "log.status_changed", status="uploaded")
    assert event.data["job_id"] == command["id"]
    job = await rest.get(f"log-jobs/{command['id']}")
    assert [step["status"] for step in job["history"]] == ["requested", "uploading", "uploaded"]
    assert (job["status"], job["kind"], job["file_name"], job["location"]) == (
        "uploaded",
        "diagnostics",
        "diag.zip",
        "",
    )
    assert (job["file"]["file_name"], job["file"]["size"]) == ("diag.zip", len(FILE))
    (listed,) = (await rest.get("log-jobs", charge_point_id=station.identity))["results"]
    assert listed == job
    download = await http.get(
        f"/api/v1/log-jobs/{job['id']}/file", headers={"Authorization": f"Bearer {token_for(anna)}"}
    )
    assert download.status_code == 200
    assert download.content == FILE
    assert 'filename="diag.zip"' in download.headers["content-disposition"]


async def test_a_failed_upload_elsewhere(station: Station, rest: Rest) -> None:
    asking = rest.asking(station.identity, "get-diagnostics", {"location": "ftp://files.example/in", "retries": 1})
    payload = await station.obey("GetDiagnostics", {"fileName": "d.zip"})
    assert payload == {"location": "ftp://files.example/in", "retries": 1}
    command = await asking
    for status in ("Uploading", "UploadFailed"):
        await station.assert_replied("DiagnosticsStatusNotification", {"status": status}, {})
    job = await rest.get(f"log-jobs/{command['id']}")
    assert (job["status"], job["location"], job["file"]) == ("upload_failed", "ftp://files.example/in", None)
    await rest.get(f"log-jobs/{command['id']}/file", status=404)


async def test_a_station_without_diagnostics(station: Station, rest: Rest) -> None:
    asking = rest.asking(station.identity, "get-diagnostics")
    await station.obey("GetDiagnostics", {})
    assert (await rest.get(f"log-jobs/{(await asking)['id']}"))["status"] == "no_file"


async def test_the_security_log_is_uploaded_with_its_request_id(
    station: Station, rest: Rest, http: httpx.AsyncClient
) -> None:
    command, path = await asked(rest, station, "get-log", kind="security", start_time="2026-05-01T00:00:00Z")
    number = command["payload"]["requestId"]
    assert command["payload"]["logType"] == "SecurityLog"
    assert (await http.post(path, content=FILE)).status_code == 201
    for status in ("Uploading", "Uploaded"):
        report = {"status": status, "requestId": number}
        await station.assert_replied("LogStatusNotification", report, {})
    job = await rest.get(f"log-jobs/{command['id']}")
    assert (job["kind"], job["status"], job["request_id"]) == ("security", "uploaded", number)
    assert job["oldest"] == "2026-05-01T00:00:00.000Z"
    assert job["file"]["size"] == len(FILE)


async def test_a_refused_log(station: Station, rest: Rest) -> None:
    asking = rest.asking(station.identity, "get-log", {"kind": "diagnostics"})
    await station.obey("GetLog", {"status": "Rejected"})
    command = await asking
    assert command["state"] == "rejected"
    assert (await rest.get(f"log-jobs/{command['id']}"))["status"] == "rejected"


# -- The link ----------------------------------------------------------------------------------------


async def test_a_link_works_once_and_again_only_after_a_failure(
    station: Station, anna: Operator, rest: Rest, http: httpx.AsyncClient
) -> None:
    _, path = await asked(rest, station)
    assert (await http.put(path, content=FILE)).status_code == 201
    again = await http.put(path, content=b"other")
    assert (again.status_code, again.text) == (409, "this link was used already\n")
    anna.db["log_uploads"].update_one({"charge_point_id": station.identity}, {"$set": {"state": "failed"}})
    assert (await http.put(path, content=b"other")).status_code == 201


async def test_a_file_that_is_too_large_leaves_nothing(
    station: Station, anna: Operator, rest: Rest, http: httpx.AsyncClient
) -> None:
    _, path = await asked(rest, station)
    before = anna.db["log_files.chunks"].count_documents({})
    piece = b"x" * 2**20

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield piece
        yield b"one more"

    answer = await http.put(path, content=pieces())
    assert answer.status_code == 413, answer.text
    assert anna.db["log_files.chunks"].count_documents({}) == before
    assert not anna.db["log_uploads"].count_documents({"charge_point_id": station.identity, "state": "stored"})


async def test_a_size_that_is_too_large_is_refused_before_the_file_comes(
    station: Station, rest: Rest, http: httpx.AsyncClient
) -> None:
    _, path = await asked(rest, station)
    reader, writer = await asyncio.open_connection(http.base_url.host, http.base_url.port)
    writer.write(f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {64 * 2**20 + 1}\r\n\r\n".encode())
    async with asyncio.timeout(15):
        assert (await reader.readline()).split()[1] == b"413"
    writer.close()


async def test_what_is_no_link_of_ours_is_refused(station: Station, rest: Rest, http: httpx.AsyncClient) -> None:
    _, path = await asked(rest, station)
    token = path.removeprefix("/uploads/")
    forged = token[:10] + ("A" if token[10] != "A" else "B") + token[11:]
    for wrong in ("", "x", "x.y", forged, token[:-2], token.partition(".")[0] + ".", "%ff.%00"):
        assert (await http.put(f"/uploads/{wrong}", content=b"x")).status_code == 404, wrong
    assert (await http.get(path)).status_code == 405


async def test_files_are_for_operators_of_the_tenant(
    station: Station, anna: Operator, boris: Operator, rest: Rest, http: httpx.AsyncClient
) -> None:
    command, path = await asked(rest, station)
    assert (await http.put(path, content=FILE)).status_code == 201
    base = str(http.base_url).rstrip("/")
    async with Rest(base, token_for(boris)) as other, Rest(base, token_for(anna, Role.VIEWER)) as viewer:
        await other.get(f"log-jobs/{command['id']}", status=404)
        await other.get(f"log-jobs/{command['id']}/file", status=404)
        await viewer.get(f"log-jobs/{command['id']}")
        await viewer.get(f"log-jobs/{command['id']}/file", status=403)
