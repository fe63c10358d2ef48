"""Certificates of a simulated station: its own, and the roots it trusts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID
from ocpp.v16 import call

from chargepoints.certificates import create_ca, read_request, sign
from chargepoints.client_certificates import Holder
from ocpp_gateway.simulator.station import Station
from tests.simulator.central import Central
from tests.simulator.test_firmware import certificate

ROOT: Any = "CentralSystemRootCertificate"


async def ask(central: Central, online: Station) -> x509.CertificateSigningRequest:
    """Have the station ask for a certificate and return its request."""
    before = len(central.of("SignCertificate"))
    trigger: Any = call.ExtendedTriggerMessage(requested_message="SignChargePointCertificate")
    assert (await central.ask(trigger)).status == "Accepted"
    await central.until(lambda: len(central.of("SignCertificate")) > before)
    return read_request(central.of("SignCertificate")[-1].payload["csr"], frozenset({online.identity}))


async def test_a_certificate_is_asked_for_and_taken(central: Central, online: Station, tmp_path: Path) -> None:
    create_ca(tmp_path, "CA", datetime.now(UTC))
    request = await ask(central, online)
    assert request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == online.identity
    holder = Holder("tenant1", online.identity, frozenset())
    chain = sign(request, holder, str(tmp_path), timedelta(days=1), datetime.now(UTC))
    assert (await central.ask(call.CertificateSigned(certificate_chain=chain))).status == "Accepted"
    assert online.certificates.chain == chain
    await ask(central, online)  # with a new key, which that certificate is not for
    assert (await central.ask(call.CertificateSigned(certificate_chain=chain))).status == "Rejected"
    assert (await central.ask(call.CertificateSigned(certificate_chain="none"))).status == "Rejected"


async def test_roots_are_installed_told_and_deleted(central: Central, online: Station) -> None:
    listing = call.GetInstalledCertificateIds(certificate_type=ROOT)
    assert (await central.ask(listing)).status == "NotFound"
    for name in ("one", "two"):
        request = call.InstallCertificate(certificate_type=ROOT, certificate=certificate(name))
        assert (await central.ask(request)).status == "Accepted"
    assert (await central.ask(call.InstallCertificate(certificate_type=ROOT, certificate="?"))).status == "Rejected"
    told = (await central.ask(listing)).certificate_hash_data
    assert len(told) == 2
    deletion = call.DeleteCertificate(certificate_hash_data=told[0])
    assert (await central.ask(deletion)).status == "Accepted"
    assert (await central.ask(deletion)).status == "NotFound"
    assert (await central.ask(listing)).certificate_hash_data == told[1:]
