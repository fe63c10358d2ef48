"""A connector kept for somebody."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from csms.choices import TextChoices


class ReservationState(TextChoices):
    """Where a reservation is on its way; the first two are not its last."""

    REQUESTED = "requested", "Requested"
    ACTIVE = "active", "Active"
    USED = "used", "Used"
    EXPIRED = "expired", "Expired"
    CANCELLED = "cancelled", "Cancelled"
    REFUSED = "refused", "Refused"
    FAILED = "failed", "Failed"


class Reservation(models.Model):
    """A connector, or with EVSE 0 any connector of a station, kept for a token until a moment."""

    # The station and the number under which it knows the reservation: a station can never name another one's.
    id = models.CharField(primary_key=True, db_column="_id", max_length=80, editable=False)
    charge_point_id = models.CharField(max_length=48)
    reservation_id = models.BigIntegerField()
    evse_id = models.PositiveIntegerField(help_text="0 for any connector of the station.")
    # The tag as the station was told it, and the token it stands for.
    id_tag = models.CharField(max_length=36)
    token_id = models.CharField(max_length=36)
    parent_id_tag = models.CharField(max_length=36, blank=True)
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=ReservationState, default=ReservationState.REQUESTED)
    # Whether it keeps others from reserving the same connector: the index below makes that exact.
    holds = models.BooleanField(default=True)
    answer = models.CharField(max_length=20, blank=True)
    end_reason = models.CharField(max_length=50, blank=True)
    session_id = models.CharField(max_length=40, blank=True)
    command_id = models.CharField(max_length=24, blank=True)
    requested_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "reservations"
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="reservation_newest"),
            models.Index(fields=["charge_point_id", "state", "-created_at"], name="reservation_station"),
            models.Index(fields=["state", "expires_at"], name="reservation_open"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point_id", "evse_id"],
                condition=Q(holds=True, evse_id__gt=0),
                name="reservation_connector",
            )
        ]

    def __str__(self) -> str:
        return f"{self.charge_point_id} #{self.reservation_id}"
