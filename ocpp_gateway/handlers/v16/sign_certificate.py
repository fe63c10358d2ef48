"""SignCertificate (OCPP 1.6 § security white paper): a station wants a certificate for its key."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chargepoints.certificate_requests import is_repeated, record_refused, record_signed, require_own_name
from chargepoints.certificates import BadRequest, NoSigner, read_request
from chargepoints.station import Station
from ocpp_gateway.signing import bringing, chain_for


async def handle(station: Station, payload: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return whether it is signed; the certificate then comes with a CertificateSigned."""
    from ocpp_gateway.gateway import gateway

    csr = payload["csr"]
    if await is_repeated(station, csr, now):
        return {"status": "Accepted"}
    names = frozenset({station.id, station.facts.get("serial_number") or station.id})
    try:
        request = read_request(csr, names)
        await require_own_name(station, request)
        chain = await chain_for(station, request)
    except (BadRequest, NoSigner) as refusal:
        await record_refused(station, csr, str(refusal), now)
        return {"status": "Rejected"}
    await record_signed(station, csr, chain, bringing(station, chain), now)
    gateway().look_for_commands(station)
    return {"status": "Accepted"}
