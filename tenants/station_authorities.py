"""The authorities whose certificates a tenant's stations log in with, and their revocation lists: texts in PEM."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

# Larger than any bundle or list that somebody would paste.
MAX_PEM_LENGTH = 256 * 1024
_END_OF_LIST = "-----END X509 CRL-----"

Extension = TypeVar("Extension", bound=x509.ExtensionType)


class BadAuthority(Exception):
    """What was given as an authority or a revocation list is none; the text says why."""


@lru_cache(maxsize=1024)
def read_authorities(pem: str) -> tuple[x509.Certificate, ...]:
    """Return the certificates in a text; none in an empty one.

    Raises:
        ValueError: something in it cannot be read.
    """
    return tuple(x509.load_pem_x509_certificates(pem.encode("utf-8"))) if pem.strip() else ()


@lru_cache(maxsize=1024)
def revoked_by(pem: str, issuer: x509.Certificate) -> frozenset[int]:
    """Return the serial numbers in the lists that an authority has signed."""
    lists = [one for one in _read_lists(pem) if one.issuer == issuer.subject and _signed_by(one, issuer)]
    return frozenset(entry.serial_number for one in lists for entry in one)


def _read_lists(pem: str) -> list[x509.CertificateRevocationList]:
    parts = pem.split(_END_OF_LIST)[:-1]
    return [x509.load_pem_x509_crl((part + _END_OF_LIST).encode("utf-8")) for part in parts]


def _signed_by(one: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    try:
        return one.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]  # a key that cannot sign raises
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return False


def check_authorities(pem: str) -> None:
    """Check what somebody gives as the authorities of a tenant.

    Raises:
        BadAuthority: it cannot be read, or is no authority.
    """
    try:
        certificates = read_authorities(pem)
        may_issue = [extension_of(certificate, x509.BasicConstraints) for certificate in certificates]
    except (ValueError, x509.DuplicateExtension) as error:
        raise BadAuthority(f"not certificates in PEM: {error}") from None
    if pem.strip() and not certificates:
        raise BadAuthority("there is no certificate in it; paste whole PEM blocks")
    for certificate, constraints in zip(certificates, may_issue, strict=True):
        if constraints is None or not constraints.ca:
            name = certificate.subject.rfc4514_string()
            raise BadAuthority(f"{name!r} is not an authority (basic constraints): use the one that has issued it")


def check_revocation_lists(pem: str, authorities: str) -> None:
    """Check what somebody gives as the revocation lists of a tenant's authorities.

    Raises:
        BadAuthority: one cannot be read, or none of the authorities has signed it.
    """
    try:
        lists = _read_lists(pem)
    except ValueError as error:
        raise BadAuthority(f"not revocation lists in PEM: {error}") from None
    if pem.strip() and not lists:
        raise BadAuthority("there is no revocation list in it; paste whole PEM blocks")
    for one in lists:
        if not any(_signed_by(one, authority) for authority in read_authorities(authorities)):
            raise BadAuthority(f"none of the authorities has signed the list of {one.issuer.rfc4514_string()!r}")


def extension_of(certificate: x509.Certificate, kind: type[Extension]) -> Extension | None:
    """Return an extension of a certificate, None where it has none."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
