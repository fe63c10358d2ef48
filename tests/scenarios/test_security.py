"""The security extension (white paper on OCPP 1.6 security, edition 2): keys, certificates, events."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from chargepoints.credentials import new_key
from tests.gateway.conftest import Connect
from tests.scenarios.scene import Scene, ago
from tests.signing_requests import signing_request
from tests.station import basic

ACCEPTED = {"status": "Accepted"}
HASH = {"hash_algorithm": "SHA256", "issuer_name_hash": "a" * 64, "issuer_key_hash": "b" * 64, "serial_number": "0f"}
WIRE_HASH = {"hashAlgorithm": "SHA256", "issuerNameHash": "a" * 64, "issuerKeyHash": "b" * 64, "serialNumber": "0f"}


async def test_basic_authentication(scene: Scene, connect: Connect) -> None:
    """The key opens, another one does not, and the open connection is left alone."""
    await scene.event("charge_point.connected")
    with pytest.raises(InvalidStatus) as refused:
        await connect(scene.charger, authorization=basic(scene.identity, new_key()))
    assert refused.value.response.status_code == 401
    await scene.station.assert_replied("Heartbeat")
    first = await owner(scene)
    await scene.reconnect()
    await scene.event("charge_point.connected")
    await scene.station.assert_replied("Heartbeat")
    assert (await owner(scene))["epoch"] == first["epoch"] + 1, "the one that was refused owned nothing"


async def owner(scene: Scene) -> dict[str, Any]:
    """Return the connection that the API shows, which is what is stored."""
    shown: dict[str, Any] = (await scene.rest.get(scene.path))["connected"]
    assert shown["epoch"] == scene.operator.charge_point(scene.identity)["connected"]["epoch"]
    return shown


async def test_the_subprotocol_is_agreed_on(scene: Scene, connect: Connect) -> None:
    """Of what a station offers OCPP 1.6 is taken; one that offers nothing of ours is no station."""
    await scene.event("charge_point.connected")
    with pytest.raises(InvalidStatus) as refused:
        await connect(scene.charger, subprotocols=("ocpp1.5",))
    assert refused.value.response.status_code == 400
    await scene.station.drop()
    await scene.event("charge_point.disconnected")
    scene.station = await connect(scene.charger, subprotocols=("ocpp1.5", "ocpp1.6"))
    assert scene.station.socket.subprotocol == "ocpp1.6"
    await scene.event("charge_point.connected", ocpp_version="1.6")
    await scene.station.assert_replied("Heartbeat")
    assert (await scene.rest.get(scene.path))["ocpp_version"] == "1.6"
    (client,) = [
        one for one in (await scene.rest.get("clients"))["results"] if one["charge_point_id"] == scene.identity
    ]
    assert client["ocpp_version"] == "1.6"
    assert scene.operator.charge_point(scene.identity)["connected"] is not None


async def test_the_key_is_updated(scene: Scene, connect: Connect) -> None:
    key = new_key()
    body = {"key": "AuthorizationKey", "value": key}
    sent, command = await scene.ask("change-configuration", body, "ChangeConfiguration", ACCEPTED)
    assert (sent["value"], command["payload"]["value"]) == (key, "***")
    event = await scene.event("command.accepted", command_id=command["id"])
    assert key not in str(event.payload)
    await scene.station.drop()
    with pytest.raises(InvalidStatus):
        await connect(scene.charger)
    station = await connect(scene.charger, authorization=basic(scene.identity, key))
    await station.assert_replied("Heartbeat")


async def test_the_key_is_refused(scene: Scene) -> None:
    body = {"key": "AuthorizationKey", "value": new_key()}
    assert await scene.asked("change-configuration", body, "ChangeConfiguration", {"status": "Rejected"}) == "rejected"
    await scene.reconnect()  # with the old key
    await scene.station.assert_replied("Heartbeat")


# -- Certificates ------------------------------------------------------------------------------------


async def requested(scene: Scene) -> list[dict[str, Any]]:
    """Return the station's signing requests as the API shows them, the newest first."""
    found: list[dict[str, Any]] = (await scene.rest.get("certificate-requests", charge_point_id=scene.identity))[
        "results"
    ]
    return found


@pytest.mark.parametrize("answer, status", [("Accepted", "installed"), ("Rejected", "not_taken")])
async def test_the_certificate_is_updated(scene: Scene, answer: str, status: str) -> None:
    _, trigger = await scene.ask(
        "extended-trigger", {"message": "sign_certificate"}, "ExtendedTriggerMessage", ACCEPTED
    )
    csr = signing_request(scene.identity)
    await scene.station.assert_replied("SignCertificate", {"csr": csr}, ACCEPTED)
    await scene.event("command.triggered", command_id=trigger["id"])
    await scene.event("certificate.requested", status="signed", reason="")
    sent = await scene.station.obey("CertificateSigned", {"status": answer})
    assert sent["certificateChain"].startswith("-----BEGIN CERTIFICATE-----")
    state = "accepted" if answer == "Accepted" else "rejected"
    await scene.event(f"command.{state}", action="CertificateSigned")
    (request,) = await requested(scene)
    assert (request["status"], request["chain"]) == (status, sent["certificateChain"])


async def test_a_request_in_another_name_is_refused(scene: Scene) -> None:
    csr = signing_request("somebody-else")
    await scene.station.assert_replied("SignCertificate", {"csr": csr}, {"status": "Rejected"})
    (request,) = await requested(scene)
    assert request["status"] == "refused"
    event = await scene.event("certificate.requested", status="refused", certificate_request_id=request["id"])
    assert (event.data["reason"], event.topic.rsplit("/", 1)[1]) == (request["reason"], "security")
    await scene.station.assert_silent()


@pytest.mark.parametrize(
    "use, word", [("central_system", "CentralSystemRootCertificate"), ("manufacturer", "ManufacturerRootCertificate")]
)
@pytest.mark.parametrize("answer, state", [("Accepted", "accepted"), ("Rejected", "rejected"), ("Failed", "rejected")])
async def test_a_certificate_is_installed(*, scene: Scene, use: str, word: str, answer: str, state: str) -> None:
    body = {"use": use, "certificate": "-----BEGIN CERTIFICATE-----\n"}
    sent, command = await scene.ask("install-certificate", body, "InstallCertificate", {"status": answer})
    assert sent["certificateType"] == word
    stored = scene.operator.charge_point(scene.identity).get("root_certificate_at")
    assert (stored is not None) == ((use, answer) == ("central_system", "Accepted"))
    assert (command["state"], command["response"]) == (state, {"status": answer})


@pytest.mark.parametrize("answer, state", [("Accepted", "accepted"), ("NotFound", "rejected"), ("Failed", "rejected")])
async def test_a_certificate_is_deleted(scene: Scene, answer: str, state: str) -> None:
    told = {"status": "Accepted", "certificateHashData": [WIRE_HASH]}
    body = {"use": "manufacturer"}
    _, listed = await scene.ask("get-installed-certificate-ids", body, "GetInstalledCertificateIds", told)
    assert listed["response"] == told
    sent, command = await scene.ask("delete-certificate", HASH, "DeleteCertificate", {"status": answer})
    assert (sent, command["state"]) == ({"certificateHashData": WIRE_HASH}, state)


# -- Security events ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    ["InvalidCentralSystemCertificate", "InvalidChargePointCertificate", "InvalidFirmwareSigningCertificate"],
)
async def test_an_invalid_certificate_is_reported(scene: Scene, kind: str) -> None:
    report = {"type": kind, "timestamp": ago(seconds=5), "techInfo": "not issued by a known CA"}
    await scene.station.assert_replied("SecurityEventNotification", report, {})
    event = await scene.event("security.event_reported", type=kind)
    (listed,) = (await scene.rest.get("security-events", charge_point_id=scene.identity))["results"]
    assert (listed["type"], listed["tech_info"]) == (kind, "not issued by a known CA")
    assert event.data["security_event_id"] == listed["id"]
    stored = scene.operator.db["security_events"].find_one({"_id": listed["id"]})
    assert stored is not None
