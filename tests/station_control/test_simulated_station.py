"""The simulated station against the product: every command over REST has an answer that says yes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import httpx
import pytest

from chargepoints.credentials import key_matches, new_key
from ocpp_gateway.commands import VERBS
from ocpp_gateway.simulator.clock import Clock
from ocpp_gateway.simulator.drivers import Habits, Tags
from ocpp_gateway.simulator.station import Station
from ocpp_gateway.simulator.uplink import Address
from tenants.models import Role
from tests.leaks import keep_secret
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.rest_client import Rest, token_for
from tests.serving import Gateway
from tests.simulator.test_firmware import certificate

SPEED = 60.0
SCHEDULE = {"unit": "W", "periods": [{"start": 0, "limit": 3000}]}
FIRMWARE = {"location": "https://example.com/fw.bin", "retrieve_at": "2026-05-01T10:00:00Z"}


@pytest.fixture
async def simulated(gateway: Gateway, charger: Installed, anna: Operator, mqtt: Capture) -> AsyncIterator[Station]:
    """A simulated station that is connected and has booted, and that no driver comes to."""
    address = Address(gateway.url + charger.path, charger.identity, charger.key)
    habits = Habits(Tags([anna.issues()]), longest_stay=80_000.0)
    station = Station(address, habits, Clock(SPEED), Random(3), lambda text: None)
    link = asyncio.create_task(station.uplink.run())
    await mqtt.assert_event(charger.identity, "command.accepted", action="GetConfiguration")  # follows the boot
    yield station
    link.cancel()
    await asyncio.gather(link, return_exceptions=True)


def later() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat()


async def done(rest: Rest, station: Station, verb: str, body: Any, state: str = "accepted") -> Any:
    """Have a verb carried out and return the command, which must end in this state."""
    command = await rest.post(f"chargepoints/{station.identity}/{verb}", body, wait=20)
    assert command["state"] == state, f"{verb}: {command['state']} {command['response']} {command['error']}"
    return command


SIMPLE: dict[str, Any] = {
    "cancel-reservation": ({"reservation_id": 77}, "rejected"),
    "change-availability": ({"operative": True}, "accepted"),
    "change-configuration": ({"key": "HeartbeatInterval", "value": "600"}, "accepted"),
    "clear-cache": ({}, "accepted"),
    "clear-charging-profile": ({}, "rejected"),  # Unknown: there is none
    "data-transfer": ({"vendor_id": "nobody"}, "rejected"),
    "extended-trigger": ({"message": "heartbeat"}, "accepted"),
    "get-composite-schedule": ({"evse_id": 1, "duration": 600}, "accepted"),
    "get-configuration": ({}, "accepted"),
    "get-installed-certificate-ids": ({"use": "manufacturer"}, "accepted"),
    "get-local-list-version": ({}, "accepted"),
    "install-certificate": ({"use": "manufacturer", "certificate": certificate()}, "accepted"),
    "remote-stop": ({"transaction_id": 1}, "rejected"),
    "send-local-list": ({"version": 1, "tokens": [{"id_tag": "A", "status": "accepted"}]}, "accepted"),
    "set-charging-profile": (
        {"evse_id": 0, "profile": {"id": 1, "purpose": "tx_default", "schedule": SCHEDULE}},
        "accepted",
    ),
    "trigger": ({"message": "status"}, "accepted"),
    "unlock": ({"evse_id": 1}, "accepted"),
}
# Those that have a test of their own below.
STORIES = {
    "certificate-signed",
    "delete-certificate",
    "get-diagnostics",
    "get-log",
    "remote-start",
    "reserve",
    "reset",
    "signed-update-firmware",
    "update-firmware",
}


def test_every_verb_is_tried_here() -> None:
    assert set(SIMPLE) | STORIES == set(VERBS)


async def test_verbs_that_are_done_with_their_answer(simulated: Station, rest: Rest) -> None:
    for verb, (body, state) in SIMPLE.items():
        await done(rest, simulated, verb, body, state)


async def test_a_new_key_is_what_it_comes_back_with(
    simulated: Station, charger: Installed, anna: Operator, rest: Rest, mqtt: Capture
) -> None:
    key = new_key()
    keep_secret(key, charger.identity)
    await done(rest, simulated, "change-configuration", {"key": "AuthorizationKey", "value": key})
    await mqtt.assert_event(simulated.identity, "charge_point.connected", 2)
    stored = anna.charge_point(charger.identity)
    assert (key_matches(stored["credential_hash"], key.encode()), stored["credential_next"]) == (True, [])


async def test_a_reservation_is_used_by_a_remote_start_with_a_limit(
    simulated: Station, anna: Operator, rest: Rest, mqtt: Capture
) -> None:
    tag, name = anna.issues(), simulated.identity
    await done(
        rest, simulated, "reserve", {"reservation_id": 900_100, "evse_id": 1, "id_tag": tag, "expires_at": later()}
    )
    await mqtt.assert_event(name, "connector.status_changed", status="reserved")
    profile = {"id": 5, "purpose": "tx", "kind": "relative", "schedule": SCHEDULE}
    await done(rest, simulated, "remote-start", {"id_tag": tag, "evse_id": 1, "profile": profile})
    await mqtt.assert_event(name, "reservation.used", reservation_id=900_100)
    event = await mqtt.assert_event(name, "session.meter_values", 3)
    samples = {one["measurand"]: one["value"] for one in event.data["meter_values"][0]["samples"]}
    assert 0 < samples["Power.Active.Import"] <= 3000
    number = event.data["transaction_id"]
    await done(rest, simulated, "remote-stop", {"transaction_id": number})
    await mqtt.assert_event(name, "session.stopped", transaction_id=number, stop_reason="remote")


async def test_logs_are_uploaded_to_us(
    simulated: Station, anna: Operator, rest: Rest, mqtt: Capture, gateway: Gateway
) -> None:
    token = token_for(anna, Role.ADMIN)
    for verb, body in (("get-diagnostics", {}), ("get-log", {"kind": "security"})):
        command = await done(rest, simulated, verb, body)
        event = await mqtt.assert_event(
            simulated.identity, "log.status_changed", status="uploaded", job_id=command["id"]
        )
        assert event.data["requested"]
        async with httpx.AsyncClient(base_url=gateway.url.replace("ws", "http")) as http:
            path = f"/api/v1/log-jobs/{command['id']}/file"
            answer = await http.get(path, headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, b"simulated station" in answer.content) == (200, True)


@pytest.mark.parametrize("verb", ["update-firmware", "signed-update-firmware"])
async def test_firmware_is_updated(simulated: Station, rest: Rest, mqtt: Capture, verb: str) -> None:
    before = (await rest.get(f"chargepoints/{simulated.identity}"))["firmware_version"]
    signed = {"signing_certificate": certificate(), "signature": "c2ln"} if verb.startswith("signed") else {}
    command = await done(rest, simulated, verb, {**FIRMWARE, **signed})
    await mqtt.assert_event(simulated.identity, "firmware.status_changed", status="installed", job_id=command["id"])
    after = (await rest.get(f"chargepoints/{simulated.identity}"))["firmware_version"]
    assert after != before


async def test_a_certificate_is_asked_for_and_installed(simulated: Station, rest: Rest, mqtt: Capture) -> None:
    await done(rest, simulated, "extended-trigger", {"message": "sign_certificate"})
    await mqtt.assert_event(simulated.identity, "command.accepted", action="CertificateSigned")
    (request,) = (await rest.get("certificate-requests", charge_point_id=simulated.identity))["results"]
    assert request["status"] == "installed"


async def test_root_certificates_come_and_go(simulated: Station, rest: Rest) -> None:
    use = {"use": "manufacturer"}
    await done(rest, simulated, "install-certificate", {**use, "certificate": certificate()})
    command = await done(rest, simulated, "get-installed-certificate-ids", use)
    (told,) = command["response"]["certificateHashData"]
    body = {
        "hash_algorithm": told["hashAlgorithm"],
        "issuer_name_hash": told["issuerNameHash"],
        "issuer_key_hash": told["issuerKeyHash"],
        "serial_number": told["serialNumber"],
    }
    await done(rest, simulated, "delete-certificate", body)
    await done(rest, simulated, "delete-certificate", body, "rejected")


async def test_a_reset_is_a_boot(simulated: Station, rest: Rest, mqtt: Capture) -> None:
    await done(rest, simulated, "reset", {"type": "hard"})
    await mqtt.assert_event(simulated.identity, "charge_point.booted", 2)
