"""SignCertificate (OCPP 1.6 § security white paper): a station wants a certificate for its key."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chargepoints.certificate_requests import record_request
from chargepoints.certificates import BadRequest, NoSigner, read_request
from chargepoints.station import Station
from csms.lifecycle import background
from ocpp_gateway.signing import bring, chain_for


async def handle(station: Station, payload: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return whether it is signed; the certificate then comes with a CertificateSigned."""
    names = frozenset({station.id, station.facts.get("serial_number") or station.id})
    try:
        chain = await chain_for(station, read_request(payload["csr"], names))
    except (BadRequest, NoSigner) as refusal:
        await record_request(station, payload["csr"], reason=str(refusal), now=now)
        return {"status": "Rejected"}
    await record_request(station, payload["csr"], chain=chain, now=now)
    background(bring(station, chain), "bring_certificate")
    return {"status": "Accepted"}
