"""What drivers identify with."""

from __future__ import annotations

from django.db import models

from csms.choices import TextChoices


class IdToken(models.Model):
    """Something a driver identifies with: a card, an app account, a vehicle."""

    class Status(TextChoices):
        ACCEPTED = "accepted", "Accepted"
        BLOCKED = "blocked", "Blocked"
        EXPIRED = "expired", "Expired"
        INVALID = "invalid", "Invalid"

    class Kind(TextChoices):
        RFID = "rfid", "RFID card"
        APP = "app", "App"
        VEHICLE = "vehicle", "Vehicle"
        CENTRAL = "central", "Central"

    # The tag in lower case: tags are compared without regard to case (OCPP 1.6 §3.7).
    id = models.CharField(primary_key=True, db_column="_id", max_length=36, editable=False)
    id_tag = models.CharField(max_length=36, help_text="As printed or read; upper and lower case are the same.")
    type = models.CharField(max_length=10, choices=Kind, default=Kind.RFID)
    status = models.CharField(max_length=10, choices=Status, default=Status.ACCEPTED)
    expires_at = models.DateTimeField(null=True, blank=True)
    parent_id_tag = models.CharField(max_length=36, blank=True)
    max_active = models.PositiveIntegerField(
        null=True, blank=True, default=1, help_text="Sessions at the same time; empty for any number."
    )
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "id_tokens"
        ordering = ["id"]
        verbose_name = "id token"

    def __str__(self) -> str:
        return self.id_tag
