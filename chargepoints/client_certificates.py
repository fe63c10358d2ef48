"""Certificates with which stations log in (security profile 3): whose they are, and whether they still count.

TLS has proven by then that the station holds the key. A certificate counts if one of its tenant's authorities, or our
own CA, has issued it itself, if it is of this day, not revoked, and names this station (OCPP 1.6 security white paper,
A00: the common name is the serial number, the organization the CPO). Our CA signs for all tenants; so its certificates
also name tenant and identity, which no other signing request can bring about.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tenants.station_authorities import extension_of, read_authorities, revoked_by


class NotAccepted(Exception):
    """A certificate that does not count; the text says why."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The station that a certificate must name.

    Attributes:
        names: of which the common name must be one.
        organization: what the certificate must name as its organization; empty for whatever it says.
        revoked: the serial numbers, in hexadecimal, of certificates of its own that count no more.
    """

    tenant: str
    identity: str
    names: frozenset[str]
    organization: str = ""
    revoked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Trusted:
    """Who may issue certificates for a tenant's stations: PEM, each as many as there are."""

    authorities: str = ""
    revocation_lists: str = ""
    our_ca: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A certificate that counts: its common name, and the last moment at which it does."""

    name: str
    until: datetime


def check_certificate(pem: str, holder: Holder, trusted: Trusted, now: datetime) -> Accepted:
    """Return what a certificate says that counts for a station.

    Raises:
        NotAccepted: it does not.
    """
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode("utf-8"))
        _require_today(certificate, now)
        issuer = _issuer(certificate, trusted)
        _require_client(certificate)
        _require_not_revoked(certificate, issuer, holder, trusted)
        if trusted.our_ca and issuer == _our_ca(trusted):
            _require_ours(certificate, holder)
        return Accepted(_require_name(certificate, holder), certificate.not_valid_after_utc)
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise NotAccepted(f"the certificate cannot be read: {error}") from None


def _require_today(certificate: x509.Certificate, now: datetime) -> None:
    if now > certificate.not_valid_after_utc:
        raise NotAccepted(f"the certificate has expired on {certificate.not_valid_after_utc:%Y-%m-%d}")
    if now < certificate.not_valid_before_utc:
        raise NotAccepted(f"the certificate is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC")


def _issuer(certificate: x509.Certificate, trusted: Trusted) -> x509.Certificate:
    known = [*read_authorities(trusted.authorities), *([_our_ca(trusted)] if trusted.our_ca else [])]
    for authority in known:
        if authority.subject == certificate.issuer and _has_issued(authority, certificate):
            return authority
    name = certificate.issuer.rfc4514_string()
    raise NotAccepted(f"the certificate was issued by {name!r}, which is no authority of this tenant")


def _has_issued(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _our_ca(trusted: Trusted) -> x509.Certificate:
    return read_authorities(trusted.our_ca)[0]


def _require_client(certificate: x509.Certificate) -> None:
    constraints = extension_of(certificate, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise NotAccepted("the certificate is that of an authority")
    purposes = extension_of(certificate, x509.ExtendedKeyUsage)
    if purposes is not None and ExtendedKeyUsageOID.CLIENT_AUTH not in purposes:
        raise NotAccepted("the certificate is not for clients (extended key usage)")


def _require_not_revoked(
    certificate: x509.Certificate, issuer: x509.Certificate, holder: Holder, trusted: Trusted
) -> None:
    listed = f"{certificate.serial_number:x}" in holder.revoked
    if listed or certificate.serial_number in revoked_by(trusted.revocation_lists, issuer):
        raise NotAccepted(f"the certificate {certificate.serial_number:x} was revoked")


def _require_ours(certificate: x509.Certificate, holder: Holder) -> None:
    names = extension_of(certificate, x509.SubjectAlternativeName)
    uris = names.get_values_for_type(x509.UniformResourceIdentifier) if names is not None else []
    if station_uri(holder.tenant, holder.identity) not in uris:
        raise NotAccepted("the certificate was issued by our CA for another station")


def _require_name(certificate: x509.Certificate, holder: Holder) -> str:
    common_names = _names(certificate, NameOID.COMMON_NAME)
    if len(common_names) != 1 or common_names[0] not in holder.names:
        raise NotAccepted(
            f"the certificate's common name is {common_names}, not the station's identity or serial number"
        )
    organizations = _names(certificate, NameOID.ORGANIZATION_NAME)
    if holder.organization and organizations != [holder.organization]:
        raise NotAccepted(f"the certificate's organization is {organizations}, not {holder.organization!r}")
    return common_names[0]


def _names(certificate: x509.Certificate, kind: x509.ObjectIdentifier) -> list[str]:
    return [str(one.value) for one in certificate.subject.get_attributes_for_oid(kind)]


def station_uri(tenant: str, identity: str) -> str:
    """Return the name that our CA gives a station, which no other one of any tenant has."""
    return f"urn:csms:station:{tenant}:{quote(identity, safe='')}"
