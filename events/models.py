"""The outbox as a collection of the tenant's database."""

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
