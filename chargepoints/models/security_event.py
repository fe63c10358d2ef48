"""What stations report about their security, and what this server notices."""

from __future__ import annotations

from django.db import models

from csms.choices import TextChoices


class SecurityEventSource(TextChoices):
    """Who noticed."""

    STATION = "station", "Station"
    SERVER = "server", "This server"


class SecurityEvent(models.Model):
    """One event. Its id is made of what it says: a repeated report is the same event."""

    id = models.CharField(primary_key=True, db_column="_id", max_length=32, editable=False)
    charge_point_id = models.CharField(max_length=48)
    type = models.CharField(max_length=50)
    timestamp = models.DateTimeField()
    tech_info = models.CharField(max_length=255, blank=True)
    source = models.CharField(
        max_length=10, choices=SecurityEventSource, default=SecurityEventSource.STATION, editable=False
    )
    received_at = models.DateTimeField()

    class Meta:
        db_table = "security_events"
        ordering = ["-received_at", "-id"]
        verbose_name = "security event"
        indexes = [
            models.Index(fields=["-received_at", "-id"], name="security_event_time"),
            models.Index(fields=["charge_point_id", "-received_at", "-id"], name="security_event_station"),
        ]

    def __str__(self) -> str:
        return f"{self.charge_point_id}: {self.type}"
