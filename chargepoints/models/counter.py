"""Numbers of a tenant that only rise."""

from __future__ import annotations

from django.db import models


class TenantCounter(models.Model):
    """A number that only rises: transaction ids handed out, charge points created."""

    id = models.CharField(primary_key=True, db_column="_id", max_length=40)
    value = models.BigIntegerField(default=0)

    class Meta:
        db_table = "counters"

    def __str__(self) -> str:
        return f"{self.id}: {self.value}"
