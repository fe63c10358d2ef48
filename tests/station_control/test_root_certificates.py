"""Root certificates in stations: given, listed, taken away."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rest_client import Rest
from tests.station import Station

HASH = {
    "hash_algorithm": "SHA256",
    "issuer_name_hash": "a" * 64,
    "issuer_key_hash": "b" * 64,
    "serial_number": "0f",
}
ON_THE_WIRE = {
    "hashAlgorithm": "SHA256",
    "issuerNameHash": "a" * 64,
    "issuerKeyHash": "b" * 64,
    "serialNumber": "0f",
}


@pytest.mark.parametrize("answer, state", [("Accepted", "accepted"), ("Rejected", "rejected"), ("Failed", "rejected")])
async def test_one_is_installed(station: Station, rest: Rest, answer: str, state: str) -> None:
    body = {"use": "central_system", "certificate": "-----BEGIN CERTIFICATE-----\n"}
    asking = rest.asking(station.identity, "install-certificate", body)
    assert await station.obey("InstallCertificate", {"status": answer}) == {
        "certificateType": "CentralSystemRootCertificate",
        "certificate": "-----BEGIN CERTIFICATE-----\n",
    }
    assert (await asking)["state"] == state


@pytest.mark.parametrize("answer, state", [("Accepted", "accepted"), ("NotFound", "rejected"), ("Failed", "rejected")])
async def test_one_is_deleted(station: Station, rest: Rest, answer: str, state: str) -> None:
    asking = rest.asking(station.identity, "delete-certificate", HASH)
    payload = await station.obey("DeleteCertificate", {"status": answer})
    assert payload == {"certificateHashData": ON_THE_WIRE}
    assert (await asking)["state"] == state


@pytest.mark.parametrize(
    "answer", [{"status": "NotFound"}, {"status": "Accepted", "certificateHashData": [ON_THE_WIRE]}]
)
async def test_the_installed_ones_are_told(station: Station, rest: Rest, answer: Any) -> None:
    asking = rest.asking(station.identity, "get-installed-certificate-ids", {"use": "manufacturer"})
    payload = await station.obey("GetInstalledCertificateIds", answer)
    assert payload == {"certificateType": "ManufacturerRootCertificate"}
    command = await asking
    assert (command["state"], command["response"]) == ("accepted", answer)
