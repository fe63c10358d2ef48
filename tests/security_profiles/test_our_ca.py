"""Certificates of our own CA: asked for over OCPP, good for the station that has asked, and for no other one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from tests.certificates import Certificate, issued
from tests.people import Installed, Operator
from tests.rest_client import Rest, token_for
from tests.security_profiles.conftest import Cpo
from tests.security_profiles.secure_gateway import Knocker, SecureGateway, refusal
from tests.signing_requests import new_key, signing_request
from tests.station import Station


@pytest.fixture
async def rest(gateway: SecureGateway, petra: Cpo) -> AsyncIterator[Rest]:
    async with Rest(gateway.url.replace("ws", "http"), token_for(petra.operator)) as client:
        yield client


async def certified(station: Station, common_name: str) -> Certificate:
    """Have a station ask for a certificate, and return what it is brought."""
    key = new_key()
    csr = signing_request(common_name, key)
    await station.assert_replied("SignCertificate", {"csr": csr}, {"status": "Accepted"})
    chain = (await station.obey("CertificateSigned", {"status": "Accepted"}))["certificateChain"]
    return Certificate(x509.load_pem_x509_certificates(chain.encode())[0], key)


async def booted_as(knocker: Knocker, charger: Installed, serial: str) -> Station:
    station = await knocker.over_tls(charger, key=charger.key)
    await station.boot(chargePointSerialNumber=serial)
    await station.obey("GetConfiguration", {})
    return station


async def test_what_a_station_was_brought_lets_it_in(knocker: Knocker, petra: Cpo) -> None:
    charger = petra.operator.installs()
    station = await booted_as(knocker, charger, "SN-1")
    for certificate in [await certified(station, name) for name in (charger.identity, "SN-1")]:
        organization = certificate.x509.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value
        assert organization == petra.organization, "whatever the request says"
        await (await knocker.over_tls(charger, certificate)).drop()


async def test_one_that_calls_itself_by_the_serial_number_of_another_gets_nowhere(
    knocker: Knocker, petra: Cpo, quirin: Cpo
) -> None:
    """A serial number is what a station says of itself, so our CA's certificates also name the station that asked."""
    thief = petra.operator.installs()
    certificate = await certified(await booted_as(knocker, thief, "SN-VICTIM"), "SN-VICTIM")
    victims = [cpo.operator.installs(security_profile=3, serial_number="SN-VICTIM") for cpo in (petra, quirin)]
    for victim in victims:
        status, text = await refusal(knocker.over_tls(victim, certificate))
        assert (status, "for another station" in text) == (401, True)


async def test_the_same_identity_at_another_tenant_is_another_station(
    knocker: Knocker, petra: Cpo, quirin: Cpo
) -> None:
    mine = petra.operator.installs("CP-SAME-" + knocker.gateway.server)
    theirs = quirin.operator.installs(mine.identity, security_profile=3)
    station = await knocker.over_tls(mine, key=mine.key)
    certificate = await certified(station, mine.identity)
    assert (await refusal(knocker.over_tls(theirs, certificate)))[0] == 401


async def test_a_revoked_certificate_opens_nothing(
    gateway: SecureGateway, knocker: Knocker, petra: Cpo, rest: Rest
) -> None:
    charger = petra.operator.installs()
    station = await knocker.over_tls(charger, key=charger.key)
    old, new = await certified(station, charger.identity), await certified(station, charger.identity)
    requests = (await rest.get("certificate-requests", charge_point_id=charger.identity))["results"]
    (of_old,) = (one for one in requests if old.pem.strip() in one["chain"])
    assert (await rest.post(f"certificate-requests/{of_old['id']}/revoke", status=200))["status"] == "revoked"
    status, text = await refusal(knocker.over_tls(charger, old))
    assert (status, "was revoked" in text) == (401, True)
    await (await knocker.over_tls(charger, new)).drop()

    await rest.delete(f"chargepoints/{charger.identity}")
    await rest.post("chargepoints", {"id": charger.identity}, status=201)
    assert (await refusal(knocker.over_tls(charger, old)))[0] == 401, "also for a station that is made again"


async def test_a_refused_request_has_nothing_to_revoke(knocker: Knocker, petra: Cpo, rest: Rest) -> None:
    charger = petra.operator.installs()
    station = await knocker.over_tls(charger, key=charger.key)
    await station.assert_replied("SignCertificate", {"csr": signing_request("another")}, {"status": "Rejected"})
    (refused,) = (await rest.get("certificate-requests", charge_point_id=charger.identity))["results"]
    await rest.post(f"certificate-requests/{refused['id']}/revoke", status=409)


@pytest.fixture(scope="module")
def sonja(global_database: None) -> Operator:
    """An operator without an authority of her own, who takes in stations that come with our CA's certificates."""
    return Operator.founding("sonja", min_security_profile=3, auto_register=True)


async def test_a_certificate_in_no_name_of_ours_takes_in_nobody(
    knocker: Knocker, sonja: Operator, ca: Path, petra: Cpo
) -> None:
    """Not even one that our own CA has signed for something else."""
    key = serialization.load_pem_private_key((ca / "ca.key").read_bytes(), None)
    ours = Certificate(x509.load_pem_x509_certificate((ca / "ca.pem").read_bytes()), key)  # type: ignore[arg-type]
    stranger = Installed("stranger-" + knocker.gateway.server, "0" * 40, sonja.slug)
    assert (await refusal(knocker.over_tls(stranger, issued(ours, stranger.identity))))[0] == 401
    uri = x509.UniformResourceIdentifier(f"urn:csms:station:{sonja.slug}:{stranger.identity}")
    assert (await refusal(knocker.over_tls(stranger, issued(ours, "another", names=(uri,)))))[0] == 401
    assert sonja.db["charge_points"].count_documents({}) == 0
    await (await knocker.over_tls(stranger, issued(ours, stranger.identity, names=(uri,)))).drop()
    stored = sonja.charge_point(stranger.identity)
    assert stored["security_profile"] == 3
    sonja.db["charge_points"].delete_many({})
