"""The local authorization list of a station."""

from __future__ import annotations

from django.db import models

from csms.choices import TextChoices


class LocalList(models.Model):
    """Which tokens a station shall hold for itself, which it holds, and what remains to be done."""

    class Mode(TextChoices):
        OFF = "off", "None"
        ALL = "all", "All tokens"
        GROUP = "group", "One group"

    # Of the charge point.
    id = models.CharField(primary_key=True, db_column="_id", max_length=48, editable=False)
    mode = models.CharField(max_length=10, choices=Mode, default=Mode.OFF)
    parent_id_tag = models.CharField(max_length=36, blank=True, help_text="The group whose tokens it holds.")
    # None until the station has answered once.
    supported = models.BooleanField(null=True)
    # The version of the list that the station holds; 0 is the empty list (OCPP 1.6 §5.10).
    version = models.BigIntegerField(default=0)
    # [{"tag", "digest"}] of what it holds.
    held = models.JSONField(default=list)
    entry_count = models.PositiveIntegerField(default=0)
    left_out = models.PositiveIntegerField(default=0)
    # What is to be done: something (due), at first ask for the version (ask), then send everything (full).
    due = models.BooleanField(default=False)
    ask = models.BooleanField(default=True)
    full = models.BooleanField(default=True)
    # Rises with everything that makes it due, so that what changes during an update is not forgotten.
    changes = models.BigIntegerField(default=0)
    # An update is under way, or a pause after one that failed, until then.
    busy_until = models.DateTimeField(null=True)
    # Rises with each update that fails; beyond a limit the station is left alone.
    trouble = models.PositiveIntegerField(default=0)
    answer = models.CharField(max_length=50, blank=True)
    checked_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "local_lists"
        ordering = ["id"]
        verbose_name = "local list"
        indexes = [models.Index(fields=["due", "busy_until"], name="local_list_due")]

    def __str__(self) -> str:
        return str(self.id)
