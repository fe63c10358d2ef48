"""Who signs the certificates of stations: our own CA, or a function of a user's app (CERTIFICATE_SIGNER)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog
from cryptography import x509
from django.conf import settings
from django.utils.module_loading import import_string

from chargepoints.certificates import NoSigner, sign
from chargepoints.client_certificates import Holder
from chargepoints.commands import NewCommand
from chargepoints.station import Station
from csms.errors import CsmsError
from ocpp_gateway.protocol.versions import OcppVersion, version_of
from ocpp_gateway.system_commands import SYSTEM

# Tenant, station, its request -> certificate and those behind it in PEM. What it raises goes into the request's reason.
Signer = Callable[[str, str, x509.CertificateSigningRequest], Awaitable[str]]

SECONDS = 10.0
# The station has the key that it has asked with, and may have made another one by then.
LIFETIME = timedelta(days=1)
_ACTIONS = {OcppVersion.V16: "CertificateSigned"}

log = structlog.get_logger(__name__)


async def chain_for(station: Station, request: x509.CertificateSigningRequest) -> str:
    """Return the certificate for a request that was checked, and those behind it, in PEM.

    Raises:
        NoSigner: nobody can sign, or the signer does not want to; the text says why.
    """
    if settings.CERTIFICATE_SIGNER:
        return await _ask(import_string(settings.CERTIFICATE_SIGNER), station, request)
    if not settings.CA_DIRECTORY:
        raise NoSigner("nobody signs certificates here: set CA_DIRECTORY or CERTIFICATE_SIGNER")
    lifetime = timedelta(seconds=settings.CERTIFICATE_LIFETIME)
    tenant = station.tenant
    holder = Holder(tenant.slug, station.id, frozenset(), tenant.organization)
    return await asyncio.to_thread(sign, request, holder, settings.CA_DIRECTORY, lifetime, datetime.now(UTC))


async def _ask(signer: Signer, station: Station, request: x509.CertificateSigningRequest) -> str:
    try:
        async with asyncio.timeout(SECONDS):
            return await signer(station.tenant.slug, station.id, request)
    except Exception as error:
        log.exception("signer_failed", tenant=station.tenant.slug, station=station.id)
        raise NoSigner(f"the signer failed: {error or type(error).__name__}") from None


async def bring(station: Station, chain: str) -> None:
    """Send a certificate to its station as a command; what goes wrong is for the log, and the request stays signed."""
    from ocpp_gateway.gateway import gateway

    new = NewCommand(
        charge_point_id=station.id,
        action=_ACTIONS[version_of(station.ocpp_version)],
        payload={"certificateChain": chain},
        requested_by=SYSTEM,
        lifetime=LIFETIME,
    )
    try:
        await gateway().dispatcher.submit(station.tenant, new)
    except CsmsError as error:
        log.warning("certificate_not_sent", tenant=station.tenant.slug, station=station.id, error=str(error))
