"""Firmware updates of a simulated station: the reports, the boot, the new version."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from ocpp.v16 import call

from ocpp_gateway.simulator.station import Station
from tests.signing_requests import new_key
from tests.simulator.central import Central

NOW = "2026-01-01T00:00:00Z"


def certificate(name: str = "Maker") -> str:
    """Return a certificate that its own key has signed."""
    key, at = new_key(), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at)
        .not_valid_after(at + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode()


async def test_an_update_ends_with_a_boot_of_the_new_version(central: Central, online: Station) -> None:
    await central.ask(call.UpdateFirmware(location="http://x/fw.bin", retrieve_date=NOW))
    action = "FirmwareStatusNotification"
    await central.until(lambda: "Installed" in central.told(action))
    assert central.told(action) == ["Downloading", "Downloaded", "Installing", "Installed"]
    first, second = [one.payload["firmwareVersion"] for one in central.of("BootNotification")]
    assert first != second
    assert central.actions.index(action) < len(central.actions)


async def test_a_download_that_fails(central: Central, online: Station) -> None:
    await central.ask(call.UpdateFirmware(location="http://x/fail.bin", retrieve_date=NOW))
    await central.until(lambda: "DownloadFailed" in central.told("FirmwareStatusNotification"))
    assert central.told("FirmwareStatusNotification") == ["Downloading", "DownloadFailed"]
    assert len(central.of("BootNotification")) == 1


async def signed(central: Central, pem: str) -> str:
    firmware: Any = {
        "location": "http://x/fw.bin",
        "retrieve_date_time": NOW,
        "signing_certificate": pem,
        "signature": "c2ln",
    }
    return str((await central.ask(call.SignedUpdateFirmware(request_id=9, firmware=firmware))).status)


async def test_a_signed_update(central: Central, online: Station) -> None:
    assert await signed(central, "no certificate") == "InvalidCertificate"
    assert await signed(central, certificate()) == "Accepted"
    action = "SignedFirmwareStatusNotification"
    await central.until(lambda: "Installed" in central.told(action))
    assert central.told(action) == ["Downloading", "Downloaded", "SignatureVerified", "Installing", "Installed"]
    assert {one.payload["requestId"] for one in central.of(action)} == {9}
