"""What was charged: id tokens, charging sessions and their meter values, in the tenant's own database."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

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
            models.Index(fields=["charge_point_id", "-received_at"], name="session_station"),
            models.Index(fields=["token_id", "status"], name="session_token"),
            models.Index(fields=["status"], condition=Q(status="active"), name="session_active"),
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


class MeterValue(models.Model):
    """The samples a station took at one moment. Only ever added, never changed."""

    session = models.ForeignKey(
        ChargingSession, null=True, on_delete=models.DO_NOTHING, db_index=False, related_name="meter_values"
    )
    charge_point_id = models.CharField(max_length=48)
    evse_id = models.PositiveIntegerField()
    connector_id = models.PositiveIntegerField(null=True)
    transaction_id = models.BigIntegerField(null=True)
    timestamp = models.DateTimeField()
    received_at = models.DateTimeField()
    samples = models.JSONField(default=list)

    class Meta:
        db_table = "meter_values"
        ordering = ["timestamp"]
        indexes = [
            models.Index(fields=["charge_point_id", "timestamp"], name="meter_station_time"),
            models.Index(fields=["session", "timestamp"], name="meter_session_time"),
        ]

    def __str__(self) -> str:
        return f"{self.charge_point_id} {self.timestamp:%F %T}"
