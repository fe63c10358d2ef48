"""What was done, by whom. Written once; nothing in this product changes or deletes it before its time."""

from __future__ import annotations

from typing import Any

from django.db import models

from csms.choices import TextChoices


class ActorKind(TextChoices):
    """What kind of somebody has done it."""

    USER = "user", "User"
    API_KEY = "api_key", "API key"
    SYSTEM = "system", "This product"
    NOBODY = "nobody", "Nobody we know"


class Via(TextChoices):
    """How it was done."""

    REST = "rest", "REST"
    ADMIN = "admin", "Admin"
    SYSTEM = "system", "By itself, or on the command line"


class NotEditable(RuntimeError):
    """An entry was to be changed or deleted."""


class AuditQuerySet(models.QuerySet):
    """Entries to read."""

    def update(self, **fields: Any) -> int:
        raise NotEditable("the audit log is not edited")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise NotEditable("the audit log is not deleted")


class AuditEntry(models.Model):
    """One deed. MongoDB deletes it by itself when `expires_at` is over."""

    id = models.CharField(primary_key=True, db_column="_id", max_length=24, editable=False)
    at = models.DateTimeField()
    actor_kind = models.CharField(max_length=10, choices=ActorKind)
    actor_id = models.CharField(max_length=24, blank=True)
    # As it was called then: accounts are renamed and deleted.
    actor = models.CharField(max_length=150, blank=True)
    role = models.CharField(max_length=10, blank=True)
    address = models.CharField(max_length=45, blank=True)
    via = models.CharField(max_length=10, choices=Via)
    action = models.CharField(max_length=50)
    # A resource of the table of roles, and the id of one of them.
    target_type = models.CharField(max_length=50, blank=True)
    target_id = models.CharField(max_length=200, blank=True)
    # JSON text, `{"name": {"before": ..., "after": ...}}`: names in it may be such as MongoDB refuses.
    changes = models.TextField(blank=True)
    expires_at = models.DateTimeField()

    objects = AuditQuerySet.as_manager()

    class Meta:
        db_table = "audit_entries"
        ordering = ["-at", "-id"]
        verbose_name = "audit entry"
        verbose_name_plural = "audit log"
        indexes = [
            models.Index(fields=["-at", "-id"], name="audit_newest"),
            models.Index(fields=["target_type", "target_id", "-at", "-id"], name="audit_target"),
            models.Index(fields=["actor", "-at", "-id"], name="audit_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.actor or self.actor_kind}: {self.action} {self.target_type} {self.target_id}".strip()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Refuse: entries are written with what they report (`tenants.audit.record`)."""
        raise NotEditable("the audit log is not edited")

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refuse."""
        raise NotEditable("the audit log is not deleted")


class PlatformAuditEntry(AuditEntry):
    """The same, of what belongs to no tenant: a page of its own in the admin."""

    class Meta:
        proxy = True
        verbose_name = "platform audit entry"
        verbose_name_plural = "platform audit log"
