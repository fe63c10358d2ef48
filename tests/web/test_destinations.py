"""URLs for stations: what may be passed on, what not, and that no command gets around it."""

from __future__ import annotations

from typing import Any

import pytest

from csms.destinations import UnsafeDestination, check_destination
from tests.rest_client import Rest
from tests.station import Station

LATER = "2030-01-01T00:00:00Z"

GOOD = (
    "https://files.example/fw.bin",
    "http://files.example:8080/a%20b?x=1",
    "ftp://user:p%40ss@files.example/in",
    "sftp://8.8.8.8/logs",
    "https://[2606:4700::1111]/x",
    "https://xn--bcher-kva.example/",
    "https://files.example./x",
)
PRIVATE = (
    "http://10.1.2.3/x",
    "http://192.168.0.1/x",
    "http://172.16.0.1/x",
    "http://100.64.0.1/x",
    "http://[fd00::1]/x",
    "http://[::ffff:10.0.0.1]/x",
    "http://[2002:0a00:0001::]/x",
    "http://nas.local/x",
    "http://metadata.google.internal/x",
    "http://intranet/x",
)
NEVER = (
    "http://127.0.0.1/x",
    "http://localhost/x",
    "http://a.localhost/x",
    "http://LOCALHOST./x",
    "http://[::1]/x",
    "http://[::ffff:127.0.0.1]/x",
    "http://[::127.0.0.1]/x",
    "http://[64:ff9b::7f00:1]/x",
    "http://[64:ff9b::10.0.0.1]/x",
    "http://0.0.0.0/x",
    "http://[::]/x",
    "http://169.254.169.254/latest/meta-data",
    "http://[fe80::1]/x",
    "http://[fe80::1%25eth0]/x",
    "http://[2606:4700::1111%25eth0]/x",
    "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/x",  # Teredo for 127.0.0.1
    "http://224.0.0.1/x",
    "http://255.255.255.255/x",
    "http://2130706433/x",
    "http://0x7f000001/x",
    "http://0177.0.0.1/x",
    "http://127.1/x",
    "http://1.2.3/x",
    "http://a.1/x",
    "http://\uff11\uff12\uff17.0.0.1/x",
    "http://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3/x",
    "file:///etc/passwd",
    "gopher://files.example/x",
    "javascript:alert(1)",
    "//files.example/x",
    "files.example/x",
    "https:///x",
    "https://",
    "",
    "https://user@/x",
    "https://files.example:99999/x",
    "https://files.example\\@127.0.0.1/x",
    "https://files.example#@127.0.0.1/x",
    "https://files.example/#@127.0.0.1/x",
    "https://files.example?@127.0.0.1/x",
    "https://files.example\t/x",
    "https://files.example/\r\nHost: x",
    "https://-bad.example/x",
    "https://a..b/x",
    "https://" + "a" * 64 + ".example/",
)


@pytest.mark.parametrize("url", GOOD)
def test_good_urls(url: str) -> None:
    check_destination(url)


@pytest.mark.parametrize("url", PRIVATE)
def test_private_networks_only_by_setting(url: str, settings: Any) -> None:
    with pytest.raises(UnsafeDestination, match="STATION_URL_PRIVATE"):
        check_destination(url)

    settings.STATION_URL_PRIVATE = True
    check_destination(url)


@pytest.mark.parametrize("url", NEVER)
def test_what_no_setting_allows(url: str, settings: Any) -> None:
    settings.STATION_URL_PRIVATE = True

    with pytest.raises(UnsafeDestination):
        check_destination(url)


def test_schemes_and_credentials_are_settings(settings: Any) -> None:
    settings.STATION_URL_SCHEMES = ["https"]
    settings.STATION_URL_CREDENTIALS = False

    with pytest.raises(UnsafeDestination, match="begins with https://"):
        check_destination("http://files.example/x")
    with pytest.raises(UnsafeDestination, match="STATION_URL_CREDENTIALS"):
        check_destination("https://user:pw@files.example/x")


@pytest.mark.parametrize(
    "verb, body",
    [
        ("update-firmware", {"retrieve_at": LATER}),
        ("signed-update-firmware", {"retrieve_at": LATER, "signing_certificate": "c", "signature": "s"}),
        ("get-diagnostics", {}),
        ("get-log", {"kind": "security"}),
        ("commands", {"action": "UpdateFirmware", "payload": {"retrieveDate": LATER}}),
        ("commands", {"action": "GetDiagnostics", "payload": {}}),
    ],
)
async def test_no_command_sends_a_station_to_itself(station: Station, rest: Rest, verb: str, body: Any) -> None:
    inside = {"location": "http://127.0.0.1:8080/x"}
    sent = {**body, "payload": {**body["payload"], **inside}} if "payload" in body else {**body, **inside}

    problem = await rest.post(f"chargepoints/{station.identity}/{verb}", sent, status=400)

    assert list(problem["errors"]) == ["location"]
    assert "the station itself" in problem["errors"]["location"][0]
    await station.assert_replied("Heartbeat")  # nothing has come before its answer


async def test_our_own_links_are_no_strangers(station: Station, rest: Rest) -> None:
    asking = rest.asking(station.identity, "get-diagnostics")

    location = (await station.obey("GetDiagnostics", {}))["location"]

    assert location.startswith("http://127.0.0.1")
    await asking
