"""Keys with which programs use the API: each belongs to one tenant and to no person."""

from __future__ import annotations

from datetime import datetime

from django.db import models

from tenants.roles import Role

STATES = ("active", "expired", "revoked")


class ApiKey(models.Model):
    """A key of a tenant, with a role and an end. Only a hash of it is stored."""

    id = models.CharField(primary_key=True, db_column="_id", max_length=16)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    role = models.CharField(max_length=10, choices=Role, default=Role.VIEWER)
    # The resources of the table of roles it may be used for; empty for all of them.
    resources = models.JSONField(default=list, blank=True)
    secret_hash = models.CharField(max_length=64)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_from = models.CharField(max_length=45, blank=True)

    class Meta:
        db_table = "api_keys"
        verbose_name = "API key"
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["tenant", "-created_at", "-id"], name="api_key_list")]

    def __str__(self) -> str:
        return self.name

    def state(self, now: datetime) -> str:
        """Return `active`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "active" if now < self.expires_at else "expired"
