"""An HTTP service as the signer (CERTIFICATE_SIGNER_URL): the request is posted, the chain comes back."""

from __future__ import annotations

import asyncio
import ssl
import urllib.error
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings

from chargepoints.certificates import NoSigner

MOST_BYTES = 64 * 1024  # of an answer
_MOST_SHOWN = 200  # characters of a refusal


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: a token must not be carried to somewhere else."""

    def redirect_request(self, *request: object) -> None:
        """Make an error of it."""


async def ask_service(tenant: str, station: str, request: x509.CertificateSigningRequest) -> str:
    """Return what the service answers: the certificate and those behind it, in PEM.

    Raises:
        NoSigner: it cannot be reached, takes too long, or answers with another status than 200 or 201; the text has the
            first line of its answer.
    """
    seconds: float = settings.CERTIFICATE_SIGNER_TIMEOUT
    try:
        # The service may send byte after byte for ever: each of them is waited for anew by the socket.
        async with asyncio.timeout(seconds):
            return await asyncio.to_thread(_post, tenant, station, request.public_bytes(Encoding.PEM), seconds)
    except TimeoutError:
        raise NoSigner(f"CERTIFICATE_SIGNER_URL took longer than {seconds:g} s") from None


def _post(tenant: str, station: str, request: bytes, seconds: float) -> str:
    headers = {
        "Content-Type": "application/pkcs10",
        "Accept": "application/pem-certificate-chain",
        "X-CSMS-Tenant": tenant,
        "X-CSMS-Station": station,
    }
    if settings.CERTIFICATE_SIGNER_TOKEN:
        headers["Authorization"] = f"Bearer {settings.CERTIFICATE_SIGNER_TOKEN}"
    post = urllib.request.Request(settings.CERTIFICATE_SIGNER_URL, request, headers, method="POST")  # noqa: S310 checked by the settings
    try:
        with _opener().open(post, timeout=seconds) as answer:
            text: bytes = answer.read(MOST_BYTES + 1)
    except urllib.error.HTTPError as refusal:
        with refusal:
            told = _first_line(refusal.read(MOST_BYTES))
        raise NoSigner(f"CERTIFICATE_SIGNER_URL answered {refusal.code}: {told}") from None
    except TimeoutError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            raise reason from None
        raise NoSigner(f"CERTIFICATE_SIGNER_URL cannot be reached: {reason}") from None
    if len(text) > MOST_BYTES:
        raise NoSigner(f"CERTIFICATE_SIGNER_URL answered with more than {MOST_BYTES} bytes")
    return text.decode("ascii", "replace")


def _opener() -> urllib.request.OpenerDirector:
    trust = ssl.create_default_context(cafile=settings.CERTIFICATE_SIGNER_CA or None)
    return urllib.request.build_opener(_NoRedirect(), urllib.request.HTTPSHandler(context=trust))


def _first_line(text: bytes) -> str:
    return next(iter(text.decode("utf-8", "replace").strip().splitlines()), "it does not say why")[:_MOST_SHOWN]
