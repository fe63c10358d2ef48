"""What somebody gives as the answer to a signing request: looked at before a station gets it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from tenants.station_authorities import read_authorities

# CertificateSigned, certificateChain (OCPP 1.6 security white paper).
LONGEST_CHAIN = 10_000


class BadChain(Exception):
    """Not what was asked for; the text says what is wrong with it."""


def check_issuer(chain: str, others: Iterable[str]) -> None:
    """Check that a certificate does not come from an authority (in PEM) of another tenant, whose doors it would open.

    Raises:
        BadChain: it does.
    """
    certificate = x509.load_pem_x509_certificates(chain.encode("utf-8"))[0]
    known = (authority for pem in others for authority in read_authorities(pem))
    if any(certificate.issuer == authority.subject for authority in known):
        raise BadChain("the signer gave a certificate of an authority that belongs to another tenant")


def check_chain(chain: str, request: x509.CertificateSigningRequest, now: datetime) -> str:
    """Return a chain that answers a request, in PEM and with nothing around it.

    Raises:
        BadChain: it is no certificate in PEM, is for another key or out of date, or is longer than a station takes.
    """
    try:
        certificates = x509.load_pem_x509_certificates(chain.encode("utf-8"))
        for_key = certificates[0].public_key() == request.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadChain(f"the signer gave no certificate in PEM: {error}") from None
    if not for_key:
        raise BadChain("the signer gave a certificate for another key; the station's own must come first")
    if certificates[0].not_valid_after_utc <= now:
        raise BadChain(f"the signer gave a certificate that ended at {certificates[0].not_valid_after_utc}")
    text = "".join(one.public_bytes(Encoding.PEM).decode("ascii") for one in certificates)
    if len(text) > LONGEST_CHAIN:
        raise BadChain(f"the signer gave a chain of {len(text)} characters; stations take {LONGEST_CHAIN}")
    return text
