"""Certificates of stations: asked for, signed by the local CA, brought to the station."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from django.core.management import CommandError, call_command

from tests.people import Installed, Operator
from tests.rest_client import Rest
from tests.signing_requests import new_key, signing_request
from tests.station import Station


async def requests_of(rest: Rest, station: Station) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await rest.get("certificate-requests", charge_point_id=station.identity))["results"]
    return found


async def answer_chain(station: Station, operator: Operator, status: str) -> None:
    """Have a station answer to the chain that it is brought, and return when that is stored."""
    with operator.db["certificate_requests"].watch() as changes:
        await station.obey("CertificateSigned", {"status": status})
        changes.next()


async def test_a_certificate_is_signed_and_installed(station: Station, rest: Rest, ca: Path) -> None:
    key = new_key()
    csr = signing_request(station.identity, key)
    await station.assert_replied("SignCertificate", {"csr": csr}, {"status": "Accepted"})
    asked = await station.expect("CertificateSigned")
    (request,) = await requests_of(rest, station)
    assert (request["status"], request["chain"]) == ("signed", asked.payload["certificateChain"])
    certificate, issuer = x509.load_pem_x509_certificates(request["chain"].encode())
    assert certificate.public_key() == key.public_key()
    assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == station.identity
    assert issuer == x509.load_pem_x509_certificate((ca / "ca.pem").read_bytes())
    certificate.verify_directly_issued_by(issuer)
    assert certificate.not_valid_before_utc < datetime.now(UTC) < certificate.not_valid_after_utc
    assert certificate.not_valid_after_utc - datetime.now(UTC) < timedelta(days=366)
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    await station.reply(asked, {"status": "Accepted"})
    await station.assert_replied("Heartbeat")


@pytest.mark.parametrize("answer, status", [("Accepted", "installed"), ("Rejected", "not_taken")])
async def test_what_the_station_does_with_it_is_kept(
    station: Station, anna: Operator, rest: Rest, answer: str, status: str
) -> None:
    await station.assert_replied("SignCertificate", {"csr": signing_request(station.identity)}, {"status": "Accepted"})
    await answer_chain(station, anna, answer)
    (request,) = await requests_of(rest, station)
    assert request["status"] == status


async def test_the_same_request_again_is_signed_once(station: Station, anna: Operator, rest: Rest) -> None:
    """A station that got no answer asks again, with another message id, and gets one certificate."""
    payload = {"csr": signing_request(station.identity)}
    for _ in range(2):
        await station.assert_replied("SignCertificate", payload, {"status": "Accepted"})
    await answer_chain(station, anna, "Accepted")
    await station.assert_replied("SignCertificate", payload, {"status": "Accepted"})
    await station.assert_silent()
    assert [one["status"] for one in await requests_of(rest, station)] == ["installed"]


async def test_the_same_request_long_afterwards_is_a_new_one(station: Station, anna: Operator, rest: Rest) -> None:
    payload = {"csr": signing_request(station.identity)}
    for _ in range(2):
        await station.assert_replied("SignCertificate", payload, {"status": "Accepted"})
        await answer_chain(station, anna, "Accepted")
        old = {"updated_at": datetime.now(UTC) - timedelta(hours=1)}
        anna.db["certificate_requests"].update_many({"charge_point_id": station.identity}, {"$set": old})
    assert len(await requests_of(rest, station)) == 2


async def test_one_that_never_left_is_not_on_its_way_for_ever(station: Station, rest: Rest) -> None:
    """The station is busy with another command when its certificate is cancelled; what it asks for then is signed."""
    busy = rest.asking(station.identity, "clear-cache")
    asked = await station.expect("ClearCache")
    csr = {"csr": signing_request(station.identity)}
    await station.assert_replied("SignCertificate", csr, {"status": "Accepted"})
    commands = (await rest.get("commands", charge_point_id=station.identity, action="CertificateSigned"))["results"]
    await rest.post(f"commands/{commands[0]['id']}/cancel")
    await station.reply(asked, {"status": "Accepted"})
    await busy
    assert [one["status"] for one in await requests_of(rest, station)] == ["unanswered"]
    await station.assert_replied("SignCertificate", csr, {"status": "Accepted"})
    await station.obey("CertificateSigned", {"status": "Accepted"})


async def test_a_serial_number_is_a_name_of_the_station(station: Station) -> None:
    await station.boot(chargePointSerialNumber="SN-0815")
    await station.obey("GetConfiguration", {})
    await station.assert_replied("SignCertificate", {"csr": signing_request("SN-0815")}, {"status": "Accepted"})


async def test_a_request_in_the_name_of_another_station_is_refused(
    station: Station, anna: Operator, rest: Rest
) -> None:
    other = anna.installs()
    await station.assert_replied("SignCertificate", {"csr": signing_request(other.identity)}, {"status": "Rejected"})
    (request,) = await requests_of(rest, station)
    assert request["status"] == "refused"
    assert "common name" in request["reason"]


async def test_a_weak_key_is_refused(station: Station, charger: Installed, rest: Rest) -> None:
    weak = rsa.generate_private_key(65537, 1024)
    csr = signing_request(charger.identity, weak)
    await station.assert_replied("SignCertificate", {"csr": csr}, {"status": "Rejected"})
    (request,) = await requests_of(rest, station)
    assert "weak" in request["reason"]


async def test_a_request_that_was_tampered_with_is_refused(station: Station, charger: Installed, rest: Rest) -> None:
    lines = signing_request(charger.identity).splitlines()
    # Near the end of the signature.
    lines[-2] = ("B" if lines[-2][0] == "A" else "A") + lines[-2][1:]
    await station.assert_replied("SignCertificate", {"csr": "\n".join(lines)}, {"status": "Rejected"})
    (request,) = await requests_of(rest, station)
    assert request["status"] == "refused"


def test_a_ca_is_made_once_and_its_key_is_private(tmp_path: Path) -> None:
    call_command("create_ca", directory=str(tmp_path / "ca"))
    key = tmp_path / "ca" / "ca.key"
    assert key.stat().st_mode & 0o077 == 0
    before = key.read_bytes()
    with pytest.raises(CommandError, match="already"):
        call_command("create_ca", directory=str(tmp_path / "ca"))
    assert key.read_bytes() == before
