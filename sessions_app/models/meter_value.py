"""What stations measure."""

from __future__ import annotations

from django.db import models

from sessions_app.models.charging_session import ChargingSession


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
            models.Index(fields=["session", "timestamp", "id"], name="meter_by_session"),
        ]

    def __str__(self) -> str:
        return f"{self.charge_point_id} {self.timestamp:%F %T}"
