"""A station's signing request on its way to a certificate: signed, looked at, and brought to the station."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import structlog
from cryptography import x509
from django.conf import settings

from chargepoints.certificate_chains import BadChain, check_chain, check_issuer
from chargepoints.certificates import NoSigner
from chargepoints.commands import NewCommand
from chargepoints.station import Station
from ocpp_gateway.protocol.versions import OcppVersion, version_of
from ocpp_gateway.signers import signed
from ocpp_gateway.system_commands import SYSTEM
from tenants.directory import authorities_of_others

# A signer of ours ends by itself a moment before; a user's function may not.
GRACE_SECONDS = 1.0
# The station has the key that it has asked with, and may have made another one by then.
LIFETIME = timedelta(days=1)
_ACTIONS = {OcppVersion.V16: "CertificateSigned"}

log = structlog.get_logger(__name__)


async def chain_for(station: Station, request: x509.CertificateSigningRequest) -> str:
    """Return the certificate for a request that was checked, and those behind it, in PEM.

    Raises:
        NoSigner: nobody can sign, the signer does not want to, or it gave something else; the text says why.
    """
    try:
        chain = check_chain(await _ask(station, request), request, datetime.now(UTC))
        check_issuer(chain, await authorities_of_others(station.tenant.slug))
        return chain
    except (NoSigner, BadChain) as refusal:
        log.warning("certificate_not_signed", tenant=station.tenant.slug, station=station.id, reason=str(refusal))
        raise NoSigner(str(refusal)) from None


async def _ask(station: Station, request: x509.CertificateSigningRequest) -> str:
    try:
        async with asyncio.timeout(settings.CERTIFICATE_SIGNER_TIMEOUT + GRACE_SECONDS):
            return await signed(station, request)
    except NoSigner:
        raise
    except TimeoutError:
        raise NoSigner(f"the signer took longer than {settings.CERTIFICATE_SIGNER_TIMEOUT:g} s") from None
    except Exception as error:
        log.exception("signer_failed", tenant=station.tenant.slug, station=station.id)
        raise NoSigner(f"the signer failed: {error or type(error).__name__}") from None


def bringing(station: Station, chain: str) -> NewCommand:
    """Return the command that brings a station its certificate."""
    return NewCommand(
        charge_point_id=station.id,
        action=_ACTIONS[version_of(station.ocpp_version)],
        payload={"certificateChain": chain},
        requested_by=SYSTEM,
        lifetime=LIFETIME,
    )
