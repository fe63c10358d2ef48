"""Reservations in JSON."""

from __future__ import annotations

from datetime import UTC, datetime

from rest_framework import serializers

from chargepoints.models import Reservation, ReservationState
from csms.fields import CurrentTenantField, MomentField, StrictSerializer, WholeNumberField


class ReservationSerializer(serializers.ModelSerializer[Reservation]):
    """A reservation and how far it has come."""

    tenant_id = CurrentTenantField()
    id = serializers.CharField(help_text="The station and the number under which it knows the reservation.")
    state = serializers.ChoiceField(ReservationState.choices)
    answer = serializers.CharField(
        help_text="The station's: `accepted`, `faulted`, `occupied`, `rejected`, `unavailable`, or empty."
    )
    end_reason = serializers.CharField(help_text="Why it was refused, failed or cancelled, in a word.")
    session_id = serializers.CharField(help_text="The session that has used it, or empty.")
    expires_at = MomentField()
    created_at = MomentField()
    updated_at = MomentField()

    class Meta:
        model = Reservation
        fields = (
            "id",
            "tenant_id",
            "charge_point_id",
            "reservation_id",
            "evse_id",
            "id_tag",
            "parent_id_tag",
            "expires_at",
            "state",
            "answer",
            "end_reason",
            "session_id",
            "command_id",
            "requested_by",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class NewReservationSerializer(StrictSerializer):
    """What is to be kept, for whom, until when."""

    charge_point_id = serializers.CharField(max_length=48)
    evse_id = WholeNumberField(
        min_value=0, max_value=1000, default=0, help_text="0 for any connector of the station, if it can do that."
    )
    id_tag = serializers.CharField(
        max_length=20, help_text="A known tag that may charge; all tags of its group may use the reservation."
    )
    expires_at = MomentField()

    def validate_expires_at(self, value: datetime) -> datetime:
        """Refuse what is over before it begins."""
        if value <= datetime.now(UTC):
            raise serializers.ValidationError("is over already: choose a time in the future")
        return value
