"""Revoking a certificate that a station was given: from then on it opens nothing, at any instance."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509
from django.db import connections

from chargepoints.models import CertificateRequest, CertificateStatus, ChargePoint
from csms.errors import Conflict
from tenants.context import require_tenant
from tenants.routing import alias_for


def revoke(request: CertificateRequest) -> None:
    """Take back the certificate that a request of the current tenant was answered with; doing it again is no error.

    The station's document remembers it, where every handshake looks anyway.

    Raises:
        Conflict: the request was refused, so there is none.
    """
    if not request.chain:
        raise Conflict("this request was refused: there is no certificate to revoke", code="no_certificate")
    stations = connections[alias_for(require_tenant())].get_collection(ChargePoint._meta.db_table)
    revoked = {"revoked_certificates": _serial(request)}
    stations.update_one({"_id": request.charge_point_id}, {"$addToSet": revoked})
    request.status, request.updated_at = CertificateStatus.REVOKED, datetime.now(UTC)
    request.save(update_fields=["status", "updated_at"])


def revoked_serials(identity: str) -> list[str]:
    """Return the serial numbers of the certificates that a station of the current tenant had and that were revoked."""
    revoked = CertificateRequest.objects.filter(charge_point_id=identity, status=CertificateStatus.REVOKED)
    return [_serial(one) for one in revoked]


def _serial(request: CertificateRequest) -> str:
    certificate = x509.load_pem_x509_certificates(request.chain.encode("utf-8"))[0]
    return f"{certificate.serial_number:x}"
