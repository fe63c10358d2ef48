"""A higher profile, asked for over REST: up, and never down again (OCPP 1.6 security white paper, A05)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.mqtt_capture import Capture
from tests.people import Installed
from tests.rest_client import Rest, token_for
from tests.security_profiles.conftest import Cpo
from tests.security_profiles.secure_gateway import Knocker, SecureGateway, refusal
from tests.station import Station

ROOT = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"
HASH = {"hashAlgorithm": "SHA256", "issuerNameHash": "a", "issuerKeyHash": "b", "serialNumber": "1"}


@pytest.fixture
async def rest(gateway: SecureGateway, petra: Cpo) -> AsyncIterator[Rest]:
    """The API for an administrator of Petra's."""
    async with Rest(gateway.url.replace("ws", "http"), token_for(petra.operator)) as client:
        yield client


@pytest.fixture
def charger(petra: Cpo) -> Installed:
    """A station with profile 1."""
    return petra.operator.installs()


async def give_root(rest: Rest, station: Station) -> None:
    asking = rest.asking(station.identity, "install-certificate", {"use": "central_system", "certificate": ROOT})
    await station.obey("InstallCertificate", {"status": "Accepted"})
    assert (await asking)["state"] == "accepted"


def change(rest: Rest, station: Station, profile: str) -> asyncio.Task[Any]:
    return rest.asking(station.identity, "change-configuration", {"key": "SecurityProfile", "value": profile})


async def agree(rest: Rest, station: Station, profile: str) -> None:
    """Have a station that has a root certificate accept a profile."""
    await give_root(rest, station)
    asking = change(rest, station, profile)
    await station.obey("ChangeConfiguration", {"status": "Accepted"})
    await asking


async def refused_over_rest(rest: Rest, charger: Installed, profile: str) -> str:
    body = {"key": "SecurityProfile", "value": profile}
    answer = await rest.post(f"chargepoints/{charger.identity}/change-configuration", body, status=400)
    return str(answer)


async def test_up_to_2_and_3_and_not_down_again(
    knocker: Knocker, petra: Cpo, charger: Installed, rest: Rest, mqtt: Capture
) -> None:
    station = await knocker.plain(charger)
    await give_root(rest, station)
    asking = change(rest, station, "2")
    await station.obey("ChangeConfiguration", {"status": "Accepted"})
    assert (await asking)["state"] == "accepted"
    await station.drop()

    station = await knocker.over_tls(charger, key=charger.key)
    stored = await petra.operator.until(charger.identity, lambda found: found["security_profile"] == 2)
    assert stored["security_profile_next"] is None
    await mqtt.assert_event(charger.identity, "security.event_reported", type="SecurityProfileRaised")
    assert (await refusal(knocker.plain(charger)))[0] == 403

    asking = change(rest, station, "3")
    await station.obey("ChangeConfiguration", {"status": "RebootRequired"})
    await asking
    await station.drop()
    station = await knocker.over_tls(charger, petra.certificate(charger.identity))
    await petra.operator.until(charger.identity, lambda found: found["security_profile"] == 3)
    assert (await refusal(knocker.over_tls(charger, key=charger.key)))[0] == 403
    assert (await refusal(knocker.plain(charger)))[0] == 403
    assert "never lowers" in await refused_over_rest(rest, charger, "1")
    await station.drop()
    assert petra.operator.charge_point(charger.identity)["security_profile"] == 3


async def test_the_old_profile_works_until_the_new_one_does(
    knocker: Knocker, petra: Cpo, charger: Installed, rest: Rest
) -> None:
    station = await knocker.plain(charger)
    await agree(rest, station, "2")
    await station.drop()
    station = await knocker.plain(charger)  # the new one did not work out
    assert petra.operator.charge_point(charger.identity)["security_profile"] == 1
    await station.drop()
    await (await knocker.over_tls(charger, key=charger.key)).drop()
    assert petra.operator.charge_point(charger.identity)["security_profile"] == 2


@pytest.mark.parametrize("answer", ["Rejected", "NotSupported"])
async def test_a_refused_upgrade_changes_nothing(
    *, knocker: Knocker, petra: Cpo, charger: Installed, rest: Rest, mqtt: Capture, answer: str
) -> None:
    station = await knocker.plain(charger)
    await give_root(rest, station)
    asking = change(rest, station, "2")
    await station.obey("ChangeConfiguration", {"status": answer})
    command = await asking
    assert command["state"] == "rejected"
    await mqtt.assert_event(charger.identity, "command.rejected", command_id=command["id"])
    assert (await rest.get(f"chargepoints/{charger.identity}"))["security_profile_next"] is None
    await station.drop()
    await (await knocker.over_tls(charger, key=charger.key)).drop()
    assert petra.operator.charge_point(charger.identity)["security_profile"] == 1


async def test_a_root_certificate_must_be_known_first(knocker: Knocker, charger: Installed, rest: Rest) -> None:
    assert "root certificate" in await refused_over_rest(rest, charger, "2")
    station = await knocker.plain(charger)
    for answer, known in (
        ({"status": "Accepted", "certificateHashData": [HASH]}, True),
        ({"status": "NotFound"}, False),
    ):
        asking = rest.asking(charger.identity, "get-installed-certificate-ids", {"use": "central_system"})
        await station.obey("GetInstalledCertificateIds", answer)
        await asking
        if known:
            asking = change(rest, station, "2")
            await station.obey("ChangeConfiguration", {"status": "Rejected"})
            await asking
        else:
            assert "root certificate" in await refused_over_rest(rest, charger, "2")
    await station.drop()


@pytest.mark.parametrize("profile", ["0", "4", "two", "", "-1", "2.0"])
async def test_other_profiles_do_not_exist(charger: Installed, rest: Rest, profile: str) -> None:
    assert "1, 2 or 3" in await refused_over_rest(rest, charger, profile)


async def test_nobody_raises_all_stations_at_once(rest: Rest) -> None:
    answer = await rest.post("wanted-settings", {"key": "securityProfile", "value": "2"}, status=400)
    assert "may not come back" in str(answer)


async def test_the_general_command_has_the_same_rules(charger: Installed, rest: Rest) -> None:
    body = {"action": "ChangeConfiguration", "payload": {"key": "securityprofile", "value": "2"}}
    answer = await rest.post(f"chargepoints/{charger.identity}/commands", body, status=400)
    assert "root certificate" in str(answer)
