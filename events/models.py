"""The outbox, and what the broker did not take of it, as collections of the tenant's database."""

from __future__ import annotations

from django.db import models


class OutboxRow(models.Model):
    """The events of one committed batch; deleted once the broker has acknowledged every one of them."""

    created_at = models.DateTimeField()
    events = models.JSONField()

    class Meta:
        db_table = "outbox"

    def __str__(self) -> str:
        return f"outbox row {self.pk}"


class UndeliveredEvent(models.Model):
    """An event that the broker has refused; see `events.undelivered`."""

    id = models.CharField(primary_key=True, db_column="_id", max_length=32, editable=False)
    type = models.CharField(max_length=50)
    charge_point_id = models.CharField(db_column="station", max_length=48)
    sequence = models.BigIntegerField()
    topic = models.CharField(max_length=500)
    payload = models.BinaryField()
    retain = models.BooleanField()
    reason = models.CharField(max_length=500)
    tries = models.IntegerField()
    stored_at = models.DateTimeField()
    set_aside_at = models.DateTimeField()

    class Meta:
        db_table = "undelivered_events"
        ordering = ["-set_aside_at", "-id"]
        verbose_name = "undelivered event"
        indexes = [
            models.Index(fields=["-set_aside_at", "-id"], name="undelivered_time"),
            models.Index(fields=["charge_point_id", "-set_aside_at", "-id"], name="undelivered_station"),
        ]

    def __str__(self) -> str:
        return f"{self.charge_point_id}: {self.type}"
