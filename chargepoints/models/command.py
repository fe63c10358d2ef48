"""What we ask of a station."""

from __future__ import annotations

from django.db import models

from csms.choices import TextChoices


class CommandState(TextChoices):
    """Where a command is on its way; the first two are not its last."""

    QUEUED = "queued", "Queued"
    SENT = "sent", "Sent"
    ACCEPTED = "accepted", "Accepted"
    REJECTED = "rejected", "Rejected"
    FAILED = "failed", "Failed"
    TIMED_OUT = "timed_out", "Timed out"
    EXPIRED = "expired", "Expired"
    CANCELLED = "cancelled", "Cancelled"


class Command(models.Model):
    """Something we ask of a station, kept from the request to the station's answer."""

    id = models.CharField(primary_key=True, db_column="_id", max_length=24, editable=False)
    charge_point_id = models.CharField(max_length=48)
    action = models.CharField(max_length=50)
    payload = models.JSONField(default=dict)
    # Of a command that gives the station a key; never shown (`chargepoints.key_rotation`).
    secret = models.JSONField(null=True, editable=False)
    state = models.CharField(max_length=10, choices=CommandState, default=CommandState.QUEUED)
    response = models.JSONField(null=True)
    error = models.JSONField(null=True)
    # The messages that a trigger has brought: [{"action", "message_id", "evse_id", "received_at"}].
    triggered = models.JSONField(default=list)
    requested_by = models.CharField(max_length=150)
    idempotency_key = models.CharField(max_length=100, blank=True)
    message_id = models.CharField(max_length=36, blank=True)
    # The connection it was sent on; a higher one of the station means that the answer will never come.
    epoch = models.BigIntegerField(null=True)
    # The instance at which somebody waits for the answer.
    reply_to = models.CharField(max_length=100, blank=True)
    announced = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    # When the answer is given up, once it is sent.
    deadline = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "commands"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["charge_point_id", "state", "id"], name="command_station"),
            models.Index(fields=["state", "expires_at"], name="command_open"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point_id", "requested_by", "idempotency_key"],
                condition=models.Q(idempotency_key__gt=""),
                name="command_idempotency",
            )
        ]

    def __str__(self) -> str:
        return f"{self.action} for {self.charge_point_id}"
