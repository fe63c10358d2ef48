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
from chargepoints.client_certificates import Holder, NotAccepted, Trusted, check_certificate
from tenants.clients import Document
from tenants.directory import TenantRecord

PLAIN, WITH_TLS, WITH_CERTIFICATE = 1, 2, 3
_NAMES = {
    PLAIN: "its key",
    WITH_TLS: "its key over TLS (wss://)",
    WITH_CERTIFICATE: "a client certificate over TLS (wss://)",
}


@dataclass(frozen=True, slots=True)
class Proof:
    """How a connection has proven whose it is.

    Attributes:
        profile: the security profile that this is.
        certificate_name: the common name of its certificate; empty without one.
        wrong: why the certificate it has shown does not count; empty without one.
    """

    profile: int
    certificate_name: str = ""
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
    holder = Holder(
        tenant=tenant.slug,
        identity=identity,
        names=frozenset(name for name in (identity, stored.get("serial_number")) if name),
        organization=tenant.organization,
        revoked=frozenset(stored.get("revoked_certificates") or ()),
    )
    trusted = Trusted(tenant.station_authorities, tenant.station_revocation_lists, our_authority())
    try:
        return Proof(WITH_CERTIFICATE, check_certificate(pem, holder, trusted, datetime.now(UTC)))
    except NotAccepted as error:
        return Proof(WITH_TLS, wrong=str(error))


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
