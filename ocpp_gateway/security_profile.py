"""With which security profile a connection comes, and whether that is enough (OCPP 1.6 security white paper, A00, A05).

| profile | who the station is | connection |
|---|---|---|
| 1 | its key | any |
| 2 | its key | TLS |
| 3 | its certificate | TLS |
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from chargepoints.certificates import CERTIFICATE_FILE
from chargepoints.client_certificates import Accepted, Holder, NotAccepted, Trusted, check_certificate
from tenants.clients import Document
from tenants.directory import TenantRecord

PLAIN, WITH_TLS, WITH_CERTIFICATE = 1, 2, 3
_NAMES = {
    PLAIN: "its key",
    WITH_TLS: "its key over TLS (wss://)",
    WITH_CERTIFICATE: "a client certificate over TLS (wss://)",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A certificate that a connection was let in with.

    Attributes:
        grounds: a digest of all that has decided, besides the time; while it is the same, so is the verdict.
    """

    pem: str
    accepted: Accepted
    grounds: int


@dataclass(frozen=True, slots=True)
class Proof:
    """How a connection has proven whose it is.

    Attributes:
        profile: the security profile that this is.
        certificate: with security profile 3.
        wrong: why the certificate it has shown does not count; empty without one.
    """

    profile: int
    certificate: Shown | None = None
    wrong: str = ""


def by_certificate(scope: dict[str, Any], tenant: TenantRecord, identity: str, stored: Document) -> Proof:
    """Return what the TLS under a connection proves: profile 3 with a certificate of this station, else 2 or 1.

    For less than 3 the station has yet to show its key.
    """
    if scope.get("scheme") != "wss":
        return Proof(PLAIN)
    chain = (scope.get("extensions", {}).get("tls") or {}).get("client_cert_chain") or ()
    pem = next(iter(chain), None)
    if pem is None:
        return Proof(WITH_TLS)
    try:
        return Proof(WITH_CERTIFICATE, _check(pem, _grounds(tenant, identity, stored), datetime.now(UTC)))
    except NotAccepted as error:
        return Proof(WITH_TLS, wrong=str(error))


def still_by_certificate(shown: Shown, tenant: TenantRecord, identity: str, stored: Document, now: datetime) -> Shown:
    """Return the certificate of an open connection if it still counts: the same object if nothing has changed.

    Raises:
        NotAccepted: it does not.
    """
    grounds = _grounds(tenant, identity, stored)
    if now <= shown.accepted.until and hash(grounds) == shown.grounds:
        return shown
    if settings.CA_DIRECTORY and not our_authority() and now <= shown.accepted.until:
        return shown  # a file that cannot be read at this moment ends nobody's connection
    return _check(shown.pem, grounds, now)


def _grounds(tenant: TenantRecord, identity: str, stored: Document) -> tuple[Holder, Trusted]:
    holder = Holder(
        tenant=tenant.slug,
        identity=identity,
        names=frozenset(name for name in (identity, stored.get("serial_number")) if name),
        organization=tenant.organization,
        revoked=frozenset(stored.get("revoked_certificates") or ()),
    )
    return holder, Trusted(tenant.station_authorities, tenant.station_revocation_lists, our_authority())


def _check(pem: str, grounds: tuple[Holder, Trusted], now: datetime) -> Shown:
    return Shown(pem, check_certificate(pem, *grounds, now), hash(grounds))


def shortcoming(proof: Proof, tenant: TenantRecord, stored: Document) -> str:
    """Return why a connection that has proven whose it is must still be refused; empty if it need not."""
    needed = max(int(stored.get("security_profile") or PLAIN), tenant.min_security_profile)
    if proof.profile >= needed:
        return ""
    text = f"this station must connect with security profile {needed}, {_NAMES[needed]}, and came with {proof.profile}"
    return f"{text}; {proof.wrong}" if proof.wrong else text


_ours: tuple[tuple[str, int, int], str] | None = None


def our_authority() -> str:
    """Return the certificate of our own CA in PEM, read again when its file is another; empty without one."""
    global _ours  # noqa: PLW0603  one file per process
    if not settings.CA_DIRECTORY:
        return ""
    path = Path(settings.CA_DIRECTORY) / CERTIFICATE_FILE
    try:
        stat = path.stat()
        stamp = (str(path), stat.st_mtime_ns, stat.st_size)
        if _ours is None or _ours[0] != stamp:
            _ours = stamp, path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return ""
    return _ours[1]
