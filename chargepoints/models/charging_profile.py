"""Limits that an operator keeps, to be given to stations."""

from __future__ import annotations

from django.core.validators import MaxValueValidator
from django.db import models

from csms.choices import TextChoices


class ChargingProfile(models.Model):
    """A limit on what a station, a connector or a session may draw, in words of no OCPP version."""

    class Purpose(TextChoices):
        STATION_MAX = "station_max", "Limit of the whole station"
        TX_DEFAULT = "tx_default", "Default of sessions"
        TX = "tx", "Of one session"

    class Kind(TextChoices):
        ABSOLUTE = "absolute", "From a moment on"
        RECURRING = "recurring", "Every day or week"
        RELATIVE = "relative", "From the start of the session"

    class Recurrency(TextChoices):
        DAILY = "daily", "Every day"
        WEEKLY = "weekly", "Every week"

    # The number under which stations know it.
    id = models.PositiveIntegerField(primary_key=True, db_column="_id", editable=False)
    name = models.CharField(max_length=100, blank=True)
    purpose = models.CharField(max_length=20, choices=Purpose)
    kind = models.CharField(max_length=20, choices=Kind)
    recurrency = models.CharField(max_length=10, choices=Recurrency, blank=True)
    stack_level = models.PositiveIntegerField(default=0, help_text="Where several apply, the highest counts.")
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_to = models.DateTimeField(null=True, blank=True)
    # {"unit", "duration", "start_time", "min_rate", "periods": [{"start", "limit", "phases"}]}
    schedule = models.JSONField()
    is_default = models.BooleanField(default=False, help_text="Given to every station of the tenant.")
    evse_id = models.PositiveIntegerField(
        default=0, validators=[MaxValueValidator(1000)], help_text="Where a default goes; 0 for the whole station."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "charging_profiles"
        ordering = ["id"]
        verbose_name = "charging profile"

    def __str__(self) -> str:
        return f"{self.name} ({self.id})" if self.name else str(self.id)
