"""Profile 3: whose certificate opens which door, and that everybody else's opens none (security white paper, A00)."""

from __future__ import annotations

import asyncio
import ssl
from datetime import timedelta
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from websockets.exceptions import InvalidHandshake

from tests.certificates import Certificate, authority, issued
from tests.mqtt_capture import Capture
from tests.people import Installed
from tests.security_profiles.conftest import Cpo
from tests.security_profiles.secure_gateway import Knocker, SecureGateway, refusal
from tests.serve.served import eventually


async def test_its_certificate_lets_a_station_in_without_a_key(
    knocker: Knocker, charger: Installed, petra: Cpo
) -> None:
    station = await knocker.over_tls(charger, petra.certificate(charger.identity))
    await station.assert_replied("Heartbeat")
    await station.drop()


async def test_an_rsa_certificate_does_as_well(knocker: Knocker, charger: Installed, petra: Cpo) -> None:
    station = await knocker.over_tls(charger, petra.certificate(charger.identity, kind="rsa"))
    await station.assert_replied("Heartbeat")
    await station.drop()


async def test_the_common_name_may_be_the_serial_number(knocker: Knocker, petra: Cpo) -> None:
    charger = petra.operator.installs(security_profile=3, serial_number="SN-77")
    station = await knocker.over_tls(charger, petra.certificate("SN-77"))
    await station.assert_replied("Heartbeat")
    await station.drop()


def others(petra: Cpo, quirin: Cpo, charger: Installed) -> dict[str, Certificate]:
    """Return the certificates that TLS lets pass and the handshake must not."""
    name = charger.identity
    return {
        "another station's": petra.certificate(petra.operator.installs().identity),
        "another tenant's authority": quirin.certificate(name, organization=petra.organization),
        "revoked": petra.revoked,
        "another organization": petra.certificate(name, organization="Somebody else"),
        "no organization": petra.certificate(name, organization=""),
        "a server's": petra.certificate(name, purpose=ExtendedKeyUsageOID.SERVER_AUTH),
        "the name in other case": petra.certificate(name.upper()),
    }


REASONS = {
    "another station's": "common name",
    "another tenant's authority": "no authority of this tenant",
    "revoked": "revoked",
    "another organization": "organization",
    "no organization": "organization",
    "the name in other case": "common name",
}


@pytest.mark.parametrize("whose", REASONS)
async def test_other_certificates_do_not(
    knocker: Knocker, petra: Cpo, quirin: Cpo, charger: Installed, whose: str
) -> None:
    gateway = knocker.gateway
    if whose == "revoked":
        charger = petra.operator.installs(f"revoked-{petra.operator.name}-{gateway.server}", security_profile=3)
        petra.operator.db["charge_points"].update_one(
            {"_id": charger.identity}, {"$set": {"serial_number": "revoked-petra"}}
        )
    certificate = others(petra, quirin, charger)[whose]
    before = petra.operator.charge_point(charger.identity)
    status, text = await refusal(knocker.over_tls(charger, certificate))
    assert status == 401
    assert REASONS[whose] in text
    refused = [entry for entry in gateway.new_log() if entry.get("event") == "refused"]
    assert [(entry["path"], entry["status"], REASONS[whose] in entry["reason"]) for entry in refused] == [
        (charger.path, 401, True)
    ]
    after = petra.operator.charge_point(charger.identity)
    assert after["connected"] == before["connected"], "nobody was let in"


@pytest.mark.parametrize("whose", ["unknown authority", "expired", "not yet valid", "a server's"])
async def test_some_do_not_even_get_through_tls(
    gateway: SecureGateway, knocker: Knocker, petra: Cpo, charger: Installed, whose: str
) -> None:
    name = charger.identity
    certificate = {
        "unknown authority": lambda: issued(authority(petra.authority.x509.subject.rfc4514_string()), name),
        "expired": lambda: petra.certificate(name, age=timedelta(days=9), lifetime=-timedelta(minutes=1)),
        "not yet valid": lambda: petra.certificate(name, age=-timedelta(days=1)),
        "a server's": lambda: petra.certificate(name, purpose=ExtendedKeyUsageOID.SERVER_AUTH),
    }[whose]()
    with pytest.raises((ssl.SSLError, ConnectionError, InvalidHandshake, EOFError)):
        await knocker.over_tls(charger, certificate)
    # The client knows before the server has written it down.
    text = "TLS refused to 127.0.0.1: its client certificate is not accepted"
    assert await asyncio.to_thread(eventually, lambda: text in str(gateway.new_log()))


async def test_the_right_key_is_not_enough(
    knocker: Knocker, petra: Cpo, quirin: Cpo, charger: Installed, mqtt: Capture
) -> None:
    foreign = quirin.certificate(charger.identity)
    for certificate in (None, foreign):
        status, text = await refusal(knocker.over_tls(charger, certificate, key=charger.key))
        assert status == 403
        assert "must connect with security profile 3" in text
    assert (await refusal(knocker.plain(charger)))[0] == 403
    event = await mqtt.assert_event(charger.identity, "security.event_reported", type="SecurityProfileTooLow")
    assert "came with" in event.data["tech_info"]


async def test_a_wrong_key_beside_a_wrong_certificate_tells_nothing_of_the_profile(
    knocker: Knocker, quirin: Cpo, charger: Installed
) -> None:
    status, text = await refusal(knocker.over_tls(charger, quirin.certificate(charger.identity), key="0" * 40))
    assert status == 401
    assert "profile" not in text


async def test_a_foreign_certificate_is_a_security_event(
    knocker: Knocker, petra: Cpo, charger: Installed, mqtt: Capture
) -> None:
    other = petra.operator.installs(security_profile=3)
    await refusal(knocker.over_tls(charger, petra.certificate(other.identity)))
    event = await mqtt.assert_event(charger.identity, "security.event_reported", type="ClientCertificateRefused")
    assert other.identity in event.data["tech_info"]
    assert petra.operator.db["security_events"].count_documents({"charge_point_id": charger.identity}) == 1


async def test_a_station_below_profile_3_needs_its_key_if_its_certificate_is_not_good(
    knocker: Knocker, petra: Cpo, quirin: Cpo
) -> None:
    charger = petra.operator.installs(security_profile=2)
    foreign = quirin.certificate(charger.identity)
    assert (await refusal(knocker.over_tls(charger, foreign)))[0] == 401
    station = await knocker.over_tls(charger, foreign, key=charger.key)
    await station.drop()


async def test_a_wrong_certificate_never_touches_the_socket_that_is_open(
    knocker: Knocker, petra: Cpo, charger: Installed
) -> None:
    station = await knocker.over_tls(charger, petra.certificate(charger.identity))
    await refusal(knocker.over_tls(charger, petra.certificate("another")))
    await station.assert_replied("Heartbeat")
    await station.drop()


# -- BootNotification ----------------------------------------------------------------------------


def serial(number: str) -> dict[str, Any]:
    return {"chargePointVendor": "Acme", "chargePointModel": "X", "chargePointSerialNumber": number}


async def test_a_boot_with_the_certificates_serial_number(knocker: Knocker, petra: Cpo) -> None:
    charger = petra.operator.installs(security_profile=3, serial_number="SN-1")
    station = await knocker.over_tls(charger, petra.certificate("SN-1"))
    assert (await station.assert_replied("BootNotification", serial("SN-1")))["status"] == "Accepted"
    await station.drop()


async def test_a_boot_with_another_serial_number_is_rejected(knocker: Knocker, petra: Cpo, mqtt: Capture) -> None:
    charger = petra.operator.installs(security_profile=3, serial_number="SN-1")
    station = await knocker.over_tls(charger, petra.certificate("SN-1"))
    assert (await station.assert_replied("BootNotification", serial("SN-2")))["status"] == "Rejected"
    await station.assert_call_error("Heartbeat", {}, "SecurityError")
    stored = petra.operator.charge_point(charger.identity)
    assert (stored["serial_number"], stored["registration"]) == ("SN-1", "accepted")
    event = await mqtt.assert_event(charger.identity, "security.event_reported", type="SerialNumberMismatch")
    assert "'SN-2'" in event.data["tech_info"]
    await station.drop()


async def test_a_certificate_in_the_name_of_the_identity_says_nothing_of_the_serial_number(
    knocker: Knocker, petra: Cpo, charger: Installed
) -> None:
    station = await knocker.over_tls(charger, petra.certificate(charger.identity))
    assert (await station.assert_replied("BootNotification", serial("SN-2")))["status"] == "Accepted"
    await station.drop()
