"""How a tenant wants its stations to be set."""

from __future__ import annotations

from django.db import models


class WantedSetting(models.Model):
    """A value that every station of the tenant is given after it has booted, where it differs."""

    key = models.CharField(primary_key=True, db_column="_id", max_length=50)
    value = models.CharField(max_length=500, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "wanted_settings"
        ordering = ["key"]
        verbose_name = "wanted setting"

    def __str__(self) -> str:
        return self.key
