"""Our own CA as the signer (CA_DIRECTORY)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from cryptography import x509
from django.conf import settings

from chargepoints.certificates import sign
from chargepoints.client_certificates import Holder
from chargepoints.station import Station


async def sign_here(station: Station, request: x509.CertificateSigningRequest) -> str:
    """Return the certificate and the CA's behind it, in PEM.

    Raises:
        NoSigner: there is no CA in the directory.
    """
    holder = Holder(station.tenant.slug, station.id, frozenset(), station.tenant.organization)
    lifetime = timedelta(seconds=settings.CERTIFICATE_LIFETIME)
    return await asyncio.to_thread(sign, request, holder, settings.CA_DIRECTORY, lifetime, datetime.now(UTC))
