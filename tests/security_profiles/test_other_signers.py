"""A signer beside our own CA knows no stations: what it signs is good for the one that has asked, whatever it says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certificates import authority
from tests.people import Installed, Operator
from tests.security_profiles.secure_gateway import Knocker, SecureGateway, refusal
from tests.security_profiles.test_our_ca import booted_as, certified
from tests.signing_requests import signing_request

# Signs whatever it is asked for, as a PKI does that leaves the names to us.
SIGNER = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

here = Path(__file__).parent
key = serialization.load_pem_private_key((here / "pki.key").read_bytes(), None)
pki = x509.load_pem_x509_certificate((here / "pki.pem").read_bytes())
request, now = x509.load_pem_x509_csr(sys.stdin.buffer.read()), datetime.now(UTC)
made = (
    x509.CertificateBuilder().subject_name(request.subject).issuer_name(pki.subject).public_key(request.public_key())
    .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1))
    .not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
)
print(made.public_bytes(serialization.Encoding.PEM).decode())
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the signer and its authority are."""
    found: Path = tmp_path_factory.mktemp("pki")
    (found / "sign.py").write_text(SIGNER)
    return found


@pytest.fixture(scope="module")
def ute(directory: Path, global_database: None) -> Operator:
    """An operator whose stations' certificates come from the PKI, and who takes in strangers that have one."""
    pki = authority("PKI of the signer")
    pki.write(directory, "pki")
    return Operator.founding("ute", station_authorities=pki.pem, auto_register=True)


@pytest.fixture(scope="module")
def vera(ute: Operator) -> Operator:
    """An operator who has nothing to do with the PKI, at the same installation."""
    return Operator.founding("vera")


@pytest.fixture(scope="module")
def knocker(directory: Path, ute: Operator, vera: Operator) -> Iterator[Knocker]:
    command = f"{sys.executable} {directory / 'sign.py'}"
    gateway = SecureGateway("daphne", directory, {"CERTIFICATE_SIGNER_COMMAND": command})
    gateway.start()
    yield Knocker(gateway)
    gateway.stop()


async def test_what_a_station_was_brought_lets_it_in(knocker: Knocker, ute: Operator) -> None:
    charger = ute.installs()
    station = await booted_as(knocker, charger, "SN-OWN")
    for name in (charger.identity, "SN-OWN"):
        await (await knocker.over_tls(charger, await certified(station, name))).drop()
        station = await knocker.over_tls(charger, key=charger.key)


async def test_one_that_calls_itself_by_the_serial_number_of_another_gets_nowhere(
    knocker: Knocker, ute: Operator
) -> None:
    """Also of one that is put up, or boots for the first time, afterwards."""
    thief, future = ute.installs(), f"{ute.slug}_LATER"
    by_serial = await certified(await booted_as(knocker, thief, "SN-VICTIM"), "SN-VICTIM")
    by_identity = await certified(await booted_as(knocker, thief, future), future)
    victims = ute.installs(serial_number="SN-VICTIM"), ute.installs(future)
    for victim, certificate in zip(victims, (by_serial, by_identity), strict=True):
        status, text = await refusal(knocker.over_tls(victim, certificate))
        assert (status, "given to another station" in text) == (401, True)


async def refused(knocker: Knocker, operator: Operator, thief: Installed, victim: Installed) -> str:
    """Return why a station of this operator that asks in another one's name gets no certificate."""
    station = await booted_as(knocker, thief, victim.identity)
    await station.assert_replied("SignCertificate", {"csr": signing_request(victim.identity)}, {"status": "Rejected"})
    await station.drop()
    [request] = operator.db["certificate_requests"].find({"charge_point_id": thief.identity})
    return str(request["reason"])


async def test_nobody_asks_in_the_name_of_another_station(knocker: Knocker, ute: Operator) -> None:
    thief, victim = ute.installs(), ute.installs()
    assert "another station's identity" in await refused(knocker, ute, thief, victim)


async def test_a_stranger_is_not_taken_in_with_it(knocker: Knocker, ute: Operator) -> None:
    thief, stranger = ute.installs(), Installed("new-one", "0" * 40, ute.slug)
    certificate = await certified(await booted_as(knocker, thief, stranger.identity), stranger.identity)
    status, text = await refusal(knocker.over_tls(stranger, certificate))
    assert (status, "given to another station" in text) == (401, True)


async def test_nobody_is_given_what_opens_another_tenants_doors(
    knocker: Knocker, ute: Operator, vera: Operator
) -> None:
    victim = ute.installs()
    thief = vera.installs()
    assert "belongs to another tenant" in await refused(knocker, vera, thief, victim)
