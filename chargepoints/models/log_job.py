"""A station uploads its diagnostics or one of its logs."""

from __future__ import annotations

from django.db import models

from chargepoints.models.station_job import StationJob
from csms.choices import TextChoices


class LogKind(TextChoices):
    """What is uploaded."""

    DIAGNOSTICS = "diagnostics", "Diagnostics"
    SECURITY = "security", "Security log"


class LogStatus(TextChoices):
    """How far an upload has come, in words of no OCPP version."""

    REQUESTED = "requested", "Requested"
    UPLOADING = "uploading", "Uploading"
    UPLOADED = "uploaded", "Uploaded"
    UPLOAD_FAILED = "upload_failed", "Upload failed"
    BAD_MESSAGE = "bad_message", "Request not understood"
    NOT_SUPPORTED = "not_supported", "Not supported"
    PERMISSION_DENIED = "permission_denied", "Permission denied"
    NO_FILE = "no_file", "Nothing to upload"
    REJECTED = "rejected", "Rejected by the station"
    CANCELLED = "cancelled", "Replaced by a newer job"
    UNANSWERED = "unanswered", "No answer from the station"
    IDLE = "idle", "Nothing under way"


class LogJob(StationJob):
    """One upload of one station."""

    status = models.CharField(max_length=30, choices=LogStatus)
    kind = models.CharField(max_length=20, choices=LogKind, default=LogKind.DIAGNOSTICS)
    oldest = models.DateTimeField(null=True)
    newest = models.DateTimeField(null=True)
    # What the station says it will upload.
    file_name = models.CharField(max_length=255, blank=True)
    # Names the file in our own storage, for a job that uploads to us.
    upload_id = models.CharField(max_length=32, blank=True)
    retries = models.BigIntegerField(null=True)
    retry_interval = models.BigIntegerField(null=True, help_text="Seconds")

    class Meta:
        db_table = "log_jobs"
        ordering = ["-created_at", "-id"]
        verbose_name = "log job"
        indexes = [
            models.Index(fields=["charge_point_id", "-created_at", "-id"], name="log_job_station"),
            models.Index(fields=["-created_at", "-id"], name="log_job_time"),
        ]
