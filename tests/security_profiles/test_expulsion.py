"""A socket is closed when the right with which it was opened has ended, whichever instance holds it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from chargepoints.credentials import new_key
from ocpp_gateway.expulsion import TURNS
from tests.certificates import revocation_list
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.rest_client import Rest, token_for
from tests.security_profiles.conftest import Cpo
from tests.security_profiles.secure_gateway import Knocker, SecureGateway, refusal
from tests.security_profiles.test_our_ca import certified
from tests.security_profiles.test_upgrade import agree
from tests.station import Station


@pytest.fixture
def rita(cpos: dict[str, Cpo]) -> Cpo:
    """An operator who changes her mind about stations."""
    cpos["rita"].operator.still_here()
    return cpos["rita"]


@pytest.fixture
def sara(cpos: dict[str, Cpo], gateway: SecureGateway) -> Cpo:
    """An operator who changes her mind about her authority, once."""
    return cpos[f"sara-{gateway.server}"]


@pytest.fixture
async def rest(gateway: SecureGateway, secure_gateways: dict[str, SecureGateway], rita: Cpo) -> AsyncIterator[Rest]:
    """The API for an administrator of Rita's, at the instance that does not hold the stations."""
    [other] = [one for one in secure_gateways.values() if one is not gateway]
    async with Rest(other.url.replace("ws", "http"), token_for(rita.operator)) as client:
        yield client


@pytest.fixture
def charger(rita: Cpo) -> Installed:
    """A station with profile 1."""
    return rita.operator.installs()


async def expelled(station: Station) -> str:
    """Return the reason with which a station's socket is closed."""
    assert await station.closed() == 1008
    return station.socket.close_reason or ""


async def stays(station: Station, knocker: Knocker, operator: Operator) -> None:
    """Check that a socket is open after the next look at it: one of the same turn has been found and closed by then."""
    other, turn = operator.installs(), operator.charge_point(station.identity)["epoch"] % TURNS
    sentinel = await knocker.plain(other)
    while operator.charge_point(other.identity)["epoch"] % TURNS != turn:
        await sentinel.drop()
        sentinel = await knocker.plain(other)
    operator.db["charge_points"].delete_one({"_id": other.identity})
    assert "deleted" in await expelled(sentinel)
    await station.assert_replied("Heartbeat")
    await station.drop()


# -- Certificates --------------------------------------------------------------------------------


async def test_a_certificate_on_the_tenants_new_revocation_list(knocker: Knocker, rita: Cpo, mqtt: Capture) -> None:
    bad, good = (rita.operator.installs(security_profile=3) for _ in range(2))
    certificate = rita.certificate(bad.identity)
    station = await knocker.over_tls(bad, certificate)
    other = await knocker.over_tls(good, rita.certificate(good.identity))
    rita.operator.configure(station_revocation_lists=revocation_list(rita.authority, certificate))
    assert await expelled(station) == f"the certificate {certificate.x509.serial_number:x} was revoked"
    event = await mqtt.assert_event(bad.identity, "security.event_reported", type="ConnectionExpelled")
    assert event.data["tech_info"].endswith("was revoked; it was connected from 127.0.0.1")
    assert (await refusal(knocker.over_tls(bad, certificate)))[0] == 401
    await stays(other, knocker, rita.operator)


async def test_a_certificate_of_our_ca_that_is_revoked(knocker: Knocker, charger: Installed, rest: Rest) -> None:
    station = await knocker.over_tls(charger, key=charger.key)
    certificate = await certified(station, charger.identity)
    await station.drop()
    station = await knocker.over_tls(charger, certificate)
    [request] = (await rest.get("certificate-requests", charge_point_id=charger.identity))["results"]
    await rest.post(f"certificate-requests/{request['id']}/revoke", status=200)
    assert "was revoked" in await expelled(station)


async def test_a_certificate_that_expires(knocker: Knocker, rita: Cpo) -> None:
    charger = rita.operator.installs(security_profile=3)
    station = await knocker.over_tls(charger, rita.certificate(charger.identity, lifetime=timedelta(seconds=3)))
    assert "has expired" in await expelled(station)


async def test_an_authority_that_is_taken_away(knocker: Knocker, sara: Cpo) -> None:
    charger, plain = sara.operator.installs(security_profile=3), sara.operator.installs()
    station, other = await knocker.over_tls(charger, sara.certificate(charger.identity)), await knocker.plain(plain)
    sara.operator.configure(station_authorities="", station_revocation_lists="")
    assert "no authority of this tenant" in await expelled(station)
    await stays(other, knocker, sara.operator)


# -- Profiles ------------------------------------------------------------------------------------


async def test_a_profile_that_an_operator_raises(knocker: Knocker, rita: Cpo, charger: Installed, rest: Rest) -> None:
    safe = rita.operator.installs()
    station, other = await knocker.plain(charger), await knocker.over_tls(safe, key=safe.key)
    for one in (charger, safe):
        await rest.patch(f"chargepoints/{one.identity}", {"security_profile": 2})
    assert "must connect with security profile 2" in await expelled(station)
    await stays(other, knocker, rita.operator)


async def test_a_tenants_least_profile_that_is_raised(knocker: Knocker, global_database: None) -> None:
    tina = Operator.founding("tina")
    plain, safe = tina.installs(), tina.installs()
    station, other = await knocker.plain(plain), await knocker.over_tls(safe, key=safe.key)
    tina.configure(min_security_profile=2)
    assert "must connect with security profile 2" in await expelled(station)
    await other.assert_replied("Heartbeat")
    await other.drop()


async def test_a_station_that_has_agreed_to_a_profile_leaves_by_itself(
    knocker: Knocker, rita: Cpo, charger: Installed, rest: Rest
) -> None:
    station = await knocker.plain(charger)
    await agree(rest, station, "2")
    assert rita.operator.charge_point(charger.identity)["security_profile_next"] == 2
    await stays(station, knocker, rita.operator)


# -- Keys ----------------------------------------------------------------------------------------


async def test_a_key_that_an_operator_replaces(knocker: Knocker, charger: Installed, rest: Rest, mqtt: Capture) -> None:
    station = await knocker.plain(charger)
    key = (await rest.post(f"chargepoints/{charger.identity}/credentials"))["key"]
    assert await expelled(station) == "this station was given another key"
    await mqtt.assert_event(charger.identity, "security.event_reported", type="ConnectionExpelled")
    assert (await refusal(knocker.plain(charger)))[0] == 401
    station = await knocker.plain(charger, key)
    await station.assert_replied("Heartbeat")
    await station.drop()


async def test_who_came_with_a_certificate_needs_no_key(knocker: Knocker, rita: Cpo, rest: Rest) -> None:
    charger = rita.operator.installs(security_profile=3)
    station = await knocker.over_tls(charger, rita.certificate(charger.identity))
    await rest.post(f"chargepoints/{charger.identity}/credentials")
    await stays(station, knocker, rita.operator)


async def test_a_key_that_the_station_has_taken_over_its_connection(
    knocker: Knocker, rita: Cpo, charger: Installed, rest: Rest
) -> None:
    station = await knocker.plain(charger)
    before = rita.operator.charge_point(charger.identity)["credential_hash"]
    body = {"key": "AuthorizationKey", "value": new_key()}
    asking = rest.asking(charger.identity, "change-configuration", body)
    await station.obey("ChangeConfiguration", {"status": "Accepted"})
    assert (await asking)["state"] == "accepted"
    assert rita.operator.charge_point(charger.identity)["credential_hash"] != before
    await stays(station, knocker, rita.operator)


# -- Deleted -------------------------------------------------------------------------------------


async def test_a_station_that_is_deleted(knocker: Knocker, charger: Installed, rest: Rest) -> None:
    station = await knocker.plain(charger)
    await rest.delete(f"chargepoints/{charger.identity}")
    assert await expelled(station) == "this charge point was deleted"


async def test_a_station_that_is_made_again_is_another_one(
    knocker: Knocker, rita: Cpo, charger: Installed, rest: Rest
) -> None:
    station = await knocker.plain(charger)
    await rest.delete(f"chargepoints/{charger.identity}")
    await rest.post("chargepoints", {"id": charger.identity}, status=201)
    assert await expelled(station) == "this charge point was deleted"
