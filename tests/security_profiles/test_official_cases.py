"""The official test cases that need TLS: set up over REST, seen on the wire, in the database and over MQTT."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from chargepoints.credentials import new_key
from tests.mqtt_capture import Capture
from tests.people import Installed
from tests.rest_client import Rest, token_for
from tests.security_profiles.conftest import Cpo
from tests.security_profiles.secure_gateway import Knocker, SecureGateway, refusal
from tests.station import Station


@pytest.fixture
async def rest(gateway: SecureGateway, petra: Cpo) -> AsyncIterator[Rest]:
    """The API for an administrator of Petra's."""
    async with Rest(gateway.url.replace("ws", "http"), token_for(petra.operator)) as client:
        yield client


async def created(rest: Rest, petra: Cpo, profile: int) -> Installed:
    """Create a station over REST, and return it with the key that is shown once."""
    identity = f"{petra.operator.slug}_T{profile}{new_key()[:8]}"
    made = await rest.post("chargepoints", {"id": identity, "security_profile": profile}, status=201)
    return Installed(identity, made["key"], petra.operator.slug)


async def serves(station: Station, rest: Rest, mqtt: Capture, petra: Cpo, profile: int) -> None:
    """Boot, and check that everybody knows."""
    await mqtt.assert_event(station.identity, "charge_point.connected", ocpp_version="1.6")
    await station.boot()
    await mqtt.assert_event(station.identity, "charge_point.booted", registration="accepted")
    shown = await rest.get(f"chargepoints/{station.identity}")
    stored = petra.operator.charge_point(station.identity)
    assert shown["security_profile"] == stored["security_profile"] == profile
    assert shown["registration"] == stored["registration"] == "accepted"
    assert shown["connected"] is not None
    assert stored["connected"] is not None
    await station.drop()
    await mqtt.assert_event(station.identity, "charge_point.disconnected")


async def refused(opening: Any, status: int, charger: Installed, *, rest: Rest, mqtt: Capture, event: str) -> None:
    """Check that a station does not get in, and that the operator is told."""
    assert (await refusal(opening))[0] == status
    await mqtt.assert_event(charger.identity, "security.event_reported", type=event)
    listed = (await rest.get("security-events", charge_point_id=charger.identity))["results"]
    assert event in [one["type"] for one in listed]
    assert (await rest.get(f"chargepoints/{charger.identity}"))["connected"] is None


async def test_tls_with_basic_authentication(knocker: Knocker, petra: Cpo, rest: Rest, mqtt: Capture) -> None:
    charger = await created(rest, petra, 2)
    await refused(knocker.plain(charger), 403, charger, rest=rest, mqtt=mqtt, event="SecurityProfileTooLow")
    assert (await refusal(knocker.over_tls(charger, key="0" * 40)))[0] == 401
    await serves(await knocker.over_tls(charger, key=charger.key), rest, mqtt, petra, 2)


async def test_tls_with_a_client_certificate(knocker: Knocker, petra: Cpo, rest: Rest, mqtt: Capture) -> None:
    charger = await created(rest, petra, 3)
    others = petra.certificate("somebody-else")
    await refused(
        knocker.over_tls(charger, others), 401, charger, rest=rest, mqtt=mqtt, event="ClientCertificateRefused"
    )
    await serves(await knocker.over_tls(charger, petra.certificate(charger.identity)), rest, mqtt, petra, 3)
