"""Who signs the certificates of stations: our own CA, a program, an HTTP service, or a function of a user's app.

One of the settings CA_DIRECTORY, CERTIFICATE_SIGNER_COMMAND, CERTIFICATE_SIGNER_URL and CERTIFICATE_SIGNER chooses.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cryptography import x509
from django.conf import settings
from django.utils.module_loading import import_string

from chargepoints.certificates import NoSigner
from chargepoints.station import Station
from ocpp_gateway.signers.http_service import ask_service
from ocpp_gateway.signers.local_ca import sign_here
from ocpp_gateway.signers.program import run_program

# Tenant, station, its request -> certificate and those behind it in PEM. What it raises goes into the request's reason.
Signer = Callable[[str, str, x509.CertificateSigningRequest], Awaitable[str]]


async def signed(station: Station, request: x509.CertificateSigningRequest) -> str:
    """Return what the signer that the settings name makes of a request, in PEM.

    Raises:
        NoSigner: they name none, or a function that is not there, or the signer refuses; the text says what is wrong.
    """
    if settings.CERTIFICATE_SIGNER:
        return await _function(settings.CERTIFICATE_SIGNER)(station.tenant.slug, station.id, request)
    if settings.CERTIFICATE_SIGNER_COMMAND:
        return await run_program(station.tenant.slug, station.id, request)
    if settings.CERTIFICATE_SIGNER_URL:
        return await ask_service(station.tenant.slug, station.id, request)
    if settings.CA_DIRECTORY:
        return await sign_here(station, request)
    raise NoSigner(
        "nobody signs certificates here: set CA_DIRECTORY, CERTIFICATE_SIGNER_COMMAND, CERTIFICATE_SIGNER_URL or"
        " CERTIFICATE_SIGNER"
    )


def _function(path: str) -> Signer:
    try:
        signer: Signer = import_string(path)
    except ImportError as error:
        raise NoSigner(f"CERTIFICATE_SIGNER={path}: {error}") from None
    return signer
