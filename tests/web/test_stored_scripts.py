"""Stored XSS: stations say hostile things wherever OCPP lets them, and a superuser looks at it all in Chromium."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import httpx
import pytest
from django.contrib import admin

from tests.gateway.conftest import Connect
from tests.people import Installed, Operator
from tests.rest_client import Rest
from tests.serving import Gateway
from tests.station import Station
from tests.web.chromium import Browser
from tests.web.conftest import origin_of
from tests.web.hostile import MADE, TEXTS, hostile

# Pages on which something a station has said must be seen; else this test looks at nothing.
MUST_SHOW = {
    "chargepoints_chargepoint",
    "chargepoints_securityevent",
    "chargepoints_logjob",
    "chargepoints_certificaterequest",
    "sessions_app_chargingsession",
    "sessions_app_idtoken",
}
# Of each kind so many are opened, with all that runs in a page; the others are read.
OPENED = 2
PLAIN = ("Heartbeat", "DiagnosticsStatusNotification", "FirmwareStatusNotification")


async def says_all(station: Station, text: str) -> None:
    """Send every message a station can send; whether it is taken or refused does not matter here."""
    await station.call("BootNotification", hostile("BootNotification", text))
    await station.obey("GetConfiguration", hostile("GetConfigurationResponse", text))
    for action in ("StatusNotification", "Authorize", "DataTransfer", "SecurityEventNotification", "SignCertificate"):
        await station.call(action, hostile(action, text))
    started = await station.assert_replied("StartTransaction", hostile("StartTransaction", text))
    transaction = started["transactionId"]
    await station.call("MeterValues", hostile("MeterValues", text, transactionId=transaction))
    await station.call("StopTransaction", hostile("StopTransaction", text, transactionId=transaction, meterStop=9))
    for action in (*PLAIN, "LogStatusNotification", "SignedFirmwareStatusNotification"):
        await station.call(action, hostile(action, text))
    # What the schema does not know, and a refusal that quotes it.
    await station.call(text[:36], {text: text})


async def answers_all(station: Station, rest: Rest, text: str, uploads: httpx.AsyncClient) -> None:
    """Answer what the tenant asks in the same manner, and upload a file of that name."""
    asking = rest.asking(station.identity, "data-transfer", {"vendor_id": "v", "data": "d"})
    await station.obey("DataTransfer", hostile("DataTransferResponse", text))
    await asking
    asking = rest.asking(station.identity, "get-diagnostics")
    asked = await station.obey("GetDiagnostics", hostile("GetDiagnosticsResponse", text))
    await asking
    path = urlsplit(asked["location"]).path
    await uploads.put(f"{path}/{quote(text, safe='')}", content=text.encode())
    asking = rest.asking(station.identity, "get-log", {"kind": "security"})
    await station.obey("GetLog", hostile("GetLogResponse", text))
    await asking
    asking = rest.asking(
        station.identity,
        "update-firmware",
        {"location": "https://files.example/f", "retrieve_at": "2030-01-01T00:00:00Z"},
    )
    await station.refuse(await station.expect("UpdateFirmware"), "GenericError", text)
    await asking


@pytest.fixture
async def told(gateway: Gateway, anna: Operator, connect: Connect, rest: Rest) -> dict[str, Installed]:
    """The hostile stations by the name of their text, when they have said everything."""
    stations = {}
    async with httpx.AsyncClient(base_url=origin_of(gateway)) as uploads:
        for name, text in TEXTS.items():
            charger = anna.installs(name=text, tags=[text[:20]], booted=False)
            anna.issues(text[:20], note=text)
            station = await connect(charger)
            await says_all(station, text)
            await answers_all(station, rest, text, uploads)
            stations[name] = charger
    return stations


def changelists() -> dict[str, str]:
    """Return the address of every list of the admin by the name of its model."""
    names = [model._meta for model in admin.site._registry]
    return {f"{m.app_label}_{m.model_name}": f"/admin/{m.app_label}/{m.model_name}/" for m in names}


# What a page holds. What has been shown in a field counts as text.
_LOOK = """(page) => ({
  made: [...page.querySelectorAll(MADE)].map((made) => made.outerHTML.slice(0, 200)),
  links: [...page.querySelectorAll('#content a[href]')].map((link) => link.getAttribute('href')),
  text: page.body.textContent + [...page.querySelectorAll('input,textarea')].map((field) => field.value),
})""".replace("MADE", json.dumps(MADE))
# The same for many pages at once, read as the browser reads them but not run.
_READ = """(async (paths) => Promise.all(paths.map(async (path) => {
  const answer = await fetch(path);
  return {...(LOOK)(new DOMParser().parseFromString(await answer.text(), 'text/html')), status: answer.status, path};
})))(PATHS)""".replace("LOOK", _LOOK)


async def opened(browser: Browser, path: str) -> dict[str, Any]:
    """Open a page, check that nothing of a text has become part of it or has run, and return its links and text."""
    trouble = await browser.open(path, quiet=False)
    page: dict[str, Any] = await browser.run(f"({_LOOK})(document)")
    assert trouble.found() == {}, path
    assert page["made"] == [], path
    return page


async def read(browser: Browser, paths: Sequence[str]) -> list[dict[str, Any]]:
    """Return what pages hold, with the same check of what a text has become."""
    found = []
    for first in range(0, len(paths), 4):
        portion = paths[first : first + 4]
        pages = await browser.run(_READ.replace("PATHS", json.dumps(portion)))
        assert [(page["path"], page["status"], page["made"]) for page in pages] == [(path, 200, []) for path in portion]
        found += pages
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)  # some two hundred pages
async def test_no_text_of_a_station_runs_in_the_admin(browser: Browser, told: dict[str, Installed]) -> None:
    shown = set()
    for model, path in {"index": "/admin/", **changelists()}.items():
        pages = [await opened(browser, path)]
        links = {urljoin(path, link) for link in pages[0]["links"]}
        details = sorted(link for link in links if link.startswith(path) and link.endswith("/change/"))
        pages += [await opened(browser, link) for link in details[:OPENED]]
        pages += await read(browser, details[OPENED:])
        # What is searched for is shown, too.
        pages.append(await opened(browser, f"{path}?q={quote(TEXTS['string'] + TEXTS['attribute'])}"))
        shown |= {model for page in pages if "xss(" in page["text"]}

    assert shown >= MUST_SHOW


async def test_the_look_finds_what_a_text_becomes(browser: Browser) -> None:
    for name in ("attribute", "alpine", "svg", "img", "title", "script", "htmx"):
        page = f'<title></title><a title="{TEXTS[name]}">' if name == "attribute" else TEXTS[name]
        await browser.open(f"data:text/html,{quote(page)}", quiet=False)
        assert (await browser.run(f"({_LOOK})(document)"))["made"] != [], name
