"""What comes in as a file and what goes out as a table: neither may be more than that."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx
import pytest

from csms.csv_export import safe_cell
from tests.people import Operator
from tests.rest_client import Rest, token_for
from tests.serving import Gateway
from tests.station import Station
from tests.web.conftest import origin_of


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3+cmd|' /C calc'!A0",
        "@SUM(1)",
        "\t=1+1",
        "\r=1+1",
        "\n=1+1",
        "  =1+1",
        "\u00a0=1+1",
        "\uff1d1+1",
        "\uff0b1",
        "\uff0d1",
        "\uff20SUM(1)",
        "-1e5x",
    ],
)
def test_no_cell_is_taken_for_a_formula(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["", None, -5, "-5", "+4.2e3", "plain", "a=b", "1-2", " plain", 0])
def test_other_cells_stay_as_they_are(value: object) -> None:
    assert safe_cell(value) == ("" if value is None else str(value))


@pytest.mark.parametrize(
    "kind",
    [
        "text/html",
        "image/svg+xml",
        "application/xhtml+xml",
        "text/javascript",
        "multipart/form-data; boundary=x",
        "TEXT/HTML;charset=utf-8",
    ],
)
async def test_pages_and_forms_are_no_logs(gateway: Gateway, station: Station, rest: Rest, kind: str) -> None:
    asking = rest.asking(station.identity, "get-diagnostics")
    path = urlsplit((await station.obey("GetDiagnostics", {"fileName": "d.zip"}))["location"]).path
    await asking
    async with httpx.AsyncClient(base_url=origin_of(gateway)) as http:
        refused = await http.put(path, content=b"x", headers={"Content-Type": kind})
        assert (refused.status_code, refused.text) == (
            415,
            "send the file itself as the body, as application/octet-stream\n",
        )
        # The link is not used up.
        taken = await http.put(path, content=b"x", headers={"Content-Type": "application/gzip"})
        assert taken.status_code == 201


async def test_a_file_is_saved_and_never_shown(gateway: Gateway, station: Station, rest: Rest, anna: Operator) -> None:
    asking = rest.asking(station.identity, "get-diagnostics")
    path = urlsplit((await station.obey("GetDiagnostics", {"fileName": "d"}))["location"]).path
    command = await asking
    async with httpx.AsyncClient(base_url=origin_of(gateway)) as http:
        await http.put(f"{path}/x.html%22%0d%0aSet-Cookie: a=b", content=b"<script>xss(1)</script>")
        headers = {"Authorization": f"Bearer {token_for(anna)}"}
        answer = await http.get(f"/api/v1/log-jobs/{command['id']}/file", headers=headers)

    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Set-Cookie" not in answer.headers
