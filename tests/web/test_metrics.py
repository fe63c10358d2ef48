"""`/metrics`: only with its token, without names of anybody, and with what the gateway has done."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import InvalidStatus

from tests.people import Installed
from tests.serving import Gateway
from tests.station import basic, connect_station
from tests.web.test_headers import manage

TOKEN = secrets.token_hex(16)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, global_database: None) -> Iterator[Gateway]:
    gateway = Gateway("uvicorn", tmp_path_factory.mktemp("metrics"), {"METRICS_TOKEN": TOKEN})
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.stop()


def page(gateway: Gateway, token: str = TOKEN, host: str = "10.1.2.3") -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", "Host": host}
    return httpx.get(gateway.url.replace("ws", "http") + "/metrics", headers=headers, timeout=30)


def value(gateway: Gateway, name: str, **labels: str) -> float:
    families = text_string_to_metric_families(page(gateway).text)
    found: list[Any] = [sample for family in families for sample in family.samples]
    return sum(sample.value for sample in found if sample.name == name and labels.items() <= sample.labels.items())


async def test_they_count_what_the_gateway_does(measured: Gateway, charger: Installed) -> None:
    url = measured.url + charger.path
    before = value(measured, "csms_station_calls_total", action="Heartbeat")
    async with await connect_station(url, charger.identity, basic(charger.identity, charger.key)) as station:
        await station.assert_replied("Heartbeat")
        await station.assert_call_error("Authorize", {}, "ProtocolError")
        await station.assert_call_error("No" + "such" * 9, {}, "NotImplemented")
        assert value(measured, "csms_station_sockets") == 1
    with pytest.raises(InvalidStatus):
        await connect_station(url, charger.identity, basic(charger.identity, "wrong"))

    assert value(measured, "csms_station_calls_total", action="Heartbeat") == before + 1
    assert value(measured, "csms_station_call_errors_total", code="ProtocolError") == 1
    assert value(measured, "csms_handshake_refusals_total", status="401") == 1
    assert value(measured, "process_resident_memory_bytes") > 0
    shown = page(measured).text
    assert charger.tenant not in shown
    assert "Nosuch" not in shown
    assert re.search(r"^csms_info\{version=", shown, re.MULTILINE)


def test_they_are_for_who_has_the_token(measured: Gateway) -> None:
    refused = page(measured, "x" * 32)

    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Bearer realm="metrics"')
    assert "csms_" not in refused.text


def test_without_the_setting_there_are_none(gateway: Gateway) -> None:
    for token in ("None", "x", TOKEN):
        assert page(gateway, token, host="127.0.0.1").status_code == 404


def test_a_short_token_is_refused() -> None:
    started = manage("serve", METRICS_TOKEN="short-token")

    assert started.returncode != 0
    assert "METRICS_TOKEN is shorter than 16 characters" in started.stderr
    assert "short-token" not in started.stderr
