"""Diagnostics and logs of a simulated station: they really arrive."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from ocpp.v16 import call

from ocpp_gateway.simulator.station import Station
from tests.simulator.central import Central


class Storage:
    """Takes files over HTTP; `methods` are those it knows."""

    def __init__(self) -> None:
        self.methods = ["PUT", "POST"]
        self.files: list[tuple[str, str, bytes]] = []
        storage = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def _take(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                known = self.command in storage.methods
                if known:
                    storage.files.append((self.command, self.path, content))
                self.send_response(201 if known else 405)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_PUT = do_POST = _take  # noqa: N815  the names that the standard library calls

            def log_message(self, *said: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/in"


@pytest.fixture
def storage() -> Iterator[Storage]:
    storage = Storage()
    yield storage
    storage.server.shutdown()
    storage.server.server_close()


async def test_diagnostics_arrive(central: Central, online: Station, storage: Storage) -> None:
    answer = await central.ask(call.GetDiagnostics(location=storage.url))
    assert answer.file_name == "CP1-diagnostics.log"
    await central.until(lambda: "Uploaded" in central.told("DiagnosticsStatusNotification"))
    assert central.told("DiagnosticsStatusNotification") == ["Uploading", "Uploaded"]
    ((method, path, content),) = storage.files
    assert (method, path) == ("PUT", "/in/CP1-diagnostics.log")
    assert b"booted" in content


async def test_a_log_arrives_where_only_post_is_known(central: Central, online: Station, storage: Storage) -> None:
    storage.methods = ["POST"]
    request: Any = call.GetLog(log={"remote_location": storage.url}, log_type="SecurityLog", request_id=4)
    answer = await central.ask(request)
    assert (answer.status, answer.filename) == ("Accepted", "CP1-security.log")
    await central.until(lambda: "Uploaded" in central.told("LogStatusNotification"))
    assert {one.payload["requestId"] for one in central.of("LogStatusNotification")} == {4}
    assert [method for method, *_ in storage.files] == ["POST"]


@pytest.mark.parametrize("location", ["ftp://files.example/in", "http://127.0.0.1:9/in"])
async def test_an_upload_that_fails(central: Central, online: Station, location: str) -> None:
    await central.ask(call.GetDiagnostics(location=location))
    await central.until(lambda: len(central.of("DiagnosticsStatusNotification")) == 2)
    assert central.told("DiagnosticsStatusNotification") == ["Uploading", "UploadFailed"]
