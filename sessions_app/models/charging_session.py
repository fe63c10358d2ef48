"""A charge, from plug to bill."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from csms.choices import TextChoices


class ChargingSession(models.Model):
    """One charge at one connector, from plug to bill."""

    class Status(TextChoices):
        ACTIVE = "active", "Active"
        COMPLETED = "completed", "Completed"
        FAULTED = "faulted", "Faulted"

    # Derived from what the station reported at the start, so that a retried start finds the first one.
    id = models.CharField(primary_key=True, db_column="_id", max_length=40, editable=False)
    charge_point_id = models.CharField(max_length=48)
    evse_id = models.PositiveIntegerField(null=True)
    connector_id = models.PositiveIntegerField(null=True)
    transaction_id = models.BigIntegerField(null=True)
    # The tag as the station sent it, and the token it stands for.
    id_tag = models.CharField(max_length=36, blank=True)
    token_id = models.CharField(max_length=36, blank=True)
    stop_id_tag = models.CharField(max_length=36, blank=True)
    authorization = models.CharField(max_length=20, blank=True)
    start_time = models.DateTimeField(null=True)
    stop_time = models.DateTimeField(null=True)
    start_meter_value = models.FloatField(null=True, help_text="Wh")
    stop_meter_value = models.FloatField(null=True, help_text="Wh")
    energy_wh = models.FloatField(default=0, help_text="Wh")
    power_w = models.FloatField(null=True, help_text="W")
    current_a = models.FloatField(null=True, help_text="A")
    voltage_v = models.FloatField(null=True, help_text="V")
    soc_percent = models.FloatField(null=True, help_text="%")
    live_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    stop_reason = models.CharField(max_length=30, blank=True)
    reservation_id = models.BigIntegerField(null=True)
    quality = models.JSONField(default=list)
    received_at = models.DateTimeField()
    stop_received_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "sessions"
        ordering = ["-received_at", "-id"]
        indexes = [
            models.Index(fields=["-received_at", "-id"], name="session_newest"),
            models.Index(fields=["charge_point_id", "-received_at", "-id"], name="session_by_station"),
            models.Index(fields=["status", "-received_at", "-id"], name="session_by_status"),
            models.Index(fields=["token_id", "-received_at", "-id"], name="session_by_token"),
            models.Index(fields=["-start_time", "-id"], name="session_by_start"),
            models.Index(fields=["token_id"], condition=Q(status="active"), name="session_charging_token"),
            models.Index(fields=["charge_point_id"], condition=Q(status="active"), name="session_charging_station"),
            # For those who ask whose a transaction is (`foreign_references`).
            models.Index(fields=["transaction_id"], name="session_by_transaction"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point_id", "transaction_id"],
                condition=Q(transaction_id__gt=0),
                name="session_transaction",
            )
        ]

    def __str__(self) -> str:
        return f"{self.charge_point_id} #{self.transaction_id}"
