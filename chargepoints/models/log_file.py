"""A file that a station has uploaded to us."""

from __future__ import annotations

from django.db import models

from csms.choices import TextChoices


class LogFileState(TextChoices):
    """Whether the file is there."""

    RECEIVING = "receiving", "Receiving"
    STORED = "stored", "Stored"
    FAILED = "failed", "Failed"


class LogFile(models.Model):
    """One upload. The bytes lie in GridFS, under `file_id`, in the bucket `log_files`."""

    # In the link the station was given; `LogJob.upload_id` names it.
    id = models.CharField(primary_key=True, db_column="_id", max_length=32, editable=False)
    charge_point_id = models.CharField(max_length=48)
    state = models.CharField(max_length=10, choices=LogFileState)
    file_name = models.CharField(max_length=255, blank=True)
    file_id = models.CharField(max_length=24, blank=True)
    size = models.BigIntegerField(null=True, help_text="Bytes")
    # When the upload under way, or the last one, began.
    begun_at = models.DateTimeField()
    received_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "log_uploads"
        ordering = ["-begun_at", "-id"]

    def __str__(self) -> str:
        return self.file_name or self.id
