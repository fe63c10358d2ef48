"""Work that a station does for us over a longer time, and reports on."""

from __future__ import annotations

from django.db import models


class StationJob(models.Model):
    """What firmware and log jobs have in common.

    The id is that of the command that asked for the job; a job nobody here has asked for has one of its own.
    """

    id = models.CharField(primary_key=True, db_column="_id", max_length=24, editable=False)
    charge_point_id = models.CharField(max_length=48)
    # The number the station repeats in its reports, where the message has one.
    request_id = models.BigIntegerField(null=True)
    # Every status with the time it was received, oldest first: [{"status", "at"}]; the last 100.
    history = models.JSONField(default=list)
    location = models.CharField(max_length=2000, blank=True)
    requested_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.charge_point_id}: {self.status}"
