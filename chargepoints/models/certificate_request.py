"""What stations want signed."""

from __future__ import annotations

from django.db import models

from csms.choices import TextChoices


class CertificateStatus(TextChoices):
    """How far a signing request has come."""

    SIGNED = "signed", "Signed, on its way"
    INSTALLED = "installed", "Installed"
    REFUSED = "refused", "Refused here"
    NOT_TAKEN = "not_taken", "Not taken by the station"
    UNANSWERED = "unanswered", "No answer from the station"
    REVOKED = "revoked", "Revoked"


class CertificateRequest(models.Model):
    """One signing request of a station and what came of it."""

    id = models.CharField(primary_key=True, db_column="_id", max_length=24, editable=False)
    charge_point_id = models.CharField(max_length=48)
    status = models.CharField(max_length=20, choices=CertificateStatus)
    csr = models.TextField()
    # The certificate and those behind it, in PEM.
    chain = models.TextField(blank=True)
    # SHA-256 of the certificate, in hexadecimal: it is good for this station only.
    fingerprint = models.CharField(max_length=64, blank=True)
    # Why it was refused.
    reason = models.CharField(max_length=300, blank=True)
    received_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "certificate_requests"
        ordering = ["-received_at", "-id"]
        verbose_name = "certificate request"
        indexes = [
            models.Index(fields=["-received_at", "-id"], name="certificate_request_time"),
            models.Index(fields=["charge_point_id", "-received_at", "-id"], name="certificate_request_station"),
            models.Index(fields=["fingerprint"], name="certificate_fingerprint"),
        ]

    def __str__(self) -> str:
        return f"{self.charge_point_id}: {self.status}"
