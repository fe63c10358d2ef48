"""A station fetches and installs firmware."""

from __future__ import annotations

from django.db import models

from chargepoints.models.station_job import StationJob
from csms.choices import TextChoices


class FirmwareStatus(TextChoices):
    """How far a firmware update has come, in words of no OCPP version."""

    REQUESTED = "requested", "Requested"
    DOWNLOAD_SCHEDULED = "download_scheduled", "Download scheduled"
    DOWNLOADING = "downloading", "Downloading"
    DOWNLOAD_PAUSED = "download_paused", "Download paused"
    DOWNLOADED = "downloaded", "Downloaded"
    SIGNATURE_VERIFIED = "signature_verified", "Signature verified"
    INSTALL_SCHEDULED = "install_scheduled", "Installation scheduled"
    INSTALLING = "installing", "Installing"
    INSTALL_REBOOTING = "install_rebooting", "Rebooting to install"
    INSTALLED = "installed", "Installed"
    DOWNLOAD_FAILED = "download_failed", "Download failed"
    INVALID_SIGNATURE = "invalid_signature", "Invalid signature"
    INVALID_CERTIFICATE = "invalid_certificate", "Invalid certificate"
    REVOKED_CERTIFICATE = "revoked_certificate", "Revoked certificate"
    INSTALLATION_FAILED = "installation_failed", "Installation failed"
    INSTALL_VERIFICATION_FAILED = "install_verification_failed", "Verification failed"
    REJECTED = "rejected", "Rejected by the station"
    CANCELLED = "cancelled", "Replaced by a newer job"
    UNANSWERED = "unanswered", "No answer from the station"
    IDLE = "idle", "Nothing under way"


class FirmwareJob(StationJob):
    """One firmware update of one station."""

    status = models.CharField(max_length=30, choices=FirmwareStatus)
    signed = models.BooleanField(default=False)
    retrieve_at = models.DateTimeField(null=True)
    install_at = models.DateTimeField(null=True)
    retries = models.BigIntegerField(null=True)
    retry_interval = models.BigIntegerField(null=True, help_text="Seconds")

    class Meta:
        db_table = "firmware_jobs"
        ordering = ["-created_at", "-id"]
        verbose_name = "firmware job"
        indexes = [
            models.Index(fields=["charge_point_id", "-created_at", "-id"], name="firmware_job_station"),
            models.Index(fields=["-created_at", "-id"], name="firmware_job_time"),
        ]
