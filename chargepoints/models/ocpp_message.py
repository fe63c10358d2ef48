"""What went over the wire, for those who look for a fault."""

from __future__ import annotations

from django.db import models

from csms.choices import TextChoices


class Direction(TextChoices):
    """Who has sent a frame."""

    IN = "in", "From the station"
    OUT = "out", "To the station"


class FrameKind(TextChoices):
    """What a frame is."""

    CALL = "call", "Call"
    RESULT = "result", "Result"
    ERROR = "error", "Error"
    MALFORMED = "malformed", "No OCPP message"


class OcppMessage(models.Model):
    """One frame, without secrets and id tags. MongoDB deletes it by itself when `expires_at` is over."""

    id = models.CharField(primary_key=True, db_column="_id", max_length=24, editable=False)
    charge_point_id = models.CharField(max_length=48)
    at = models.DateTimeField()
    direction = models.CharField(max_length=3, choices=Direction)
    kind = models.CharField(max_length=10, choices=FrameKind)
    message_id = models.CharField(max_length=255, blank=True)
    action = models.CharField(max_length=50, blank=True)
    # The status in an answer, or the code of an error; empty for calls and for answers without a status.
    result = models.CharField(max_length=50, blank=True)
    # JSON text: names in it may be such as MongoDB refuses. Empty where it was too long to keep.
    payload = models.TextField(blank=True)
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "ocpp_messages"
        ordering = ["-at", "-id"]
        verbose_name = "message"
        indexes = [
            models.Index(fields=["charge_point_id", "-at", "-id"], name="message_station"),
            models.Index(fields=["charge_point_id", "action", "-at", "-id"], name="message_action"),
        ]

    def __str__(self) -> str:
        return f"{self.charge_point_id}: {self.action}"
