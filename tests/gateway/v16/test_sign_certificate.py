"""SignCertificate, where nobody signs; `tests/station_control/test_certificates.py` has the rest."""

from __future__ import annotations

from typing import Any

import pytest

from tests.people import Installed, Operator
from tests.signing_requests import signing_request
from tests.station import Station

REJECTED = {"status": "Rejected"}


@pytest.mark.parametrize("csr", ["", "no request", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n"])
async def test_what_is_no_request_is_rejected(station: Station, csr: str) -> None:
    await station.assert_replied("SignCertificate", {"csr": csr}, REJECTED)


@pytest.mark.parametrize(
    "payload, code",
    [
        ({}, "ProtocolError"),
        ({"csr": 5}, "TypeConstraintViolation"),
        ({"csr": "x" * 5501}, "PropertyConstraintViolation"),
        ({"csr": "x", "more": 1}, "FormationViolation"),
    ],
)
async def test_invalid(station: Station, payload: Any, code: str) -> None:
    await station.assert_call_error("SignCertificate", payload, code)


async def test_what_becomes_of_it(station: Station, charger: Installed, anna: Operator) -> None:
    """Nobody signs here: the request is kept with the reason, so that an operator sees it."""
    csr = signing_request(charger.identity)
    await station.assert_replied("SignCertificate", {"csr": csr}, REJECTED)
    (stored,) = anna.db["certificate_requests"].find({"charge_point_id": charger.identity})
    assert (stored["status"], stored["csr"], stored["chain"]) == ("refused", csr, "")
    assert "CA_DIRECTORY" in stored["reason"]


async def test_the_same_frame_twice(station: Station, charger: Installed, anna: Operator) -> None:
    payload = {"csr": signing_request(charger.identity)}
    first = await station.call("SignCertificate", payload, "same")
    assert (await station.call("SignCertificate", payload, "same")).text == first.text
    assert anna.db["certificate_requests"].count_documents({"charge_point_id": charger.identity}) == 1
