"""Charging profiles as the API reads and shows them, in words of no OCPP version."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from chargepoints.charging_profiles import faults_of, next_profile_id
from chargepoints.models import ChargingProfile
from csms.fields import MomentField, StrictSerializer, WholeNumberField

_MAX_PERIODS = 1024
_LIMIT: dict[str, Any] = {"max_digits": 12, "decimal_places": 1, "min_value": 0, "coerce_to_string": False}


class SchedulePeriodParameters(StrictSerializer):
    start = serializers.IntegerField(min_value=0, help_text="Seconds after the start of the schedule.")
    limit = serializers.DecimalField(**_LIMIT, help_text="In the schedule's unit.")
    phases = serializers.IntegerField(min_value=1, max_value=3, required=False)


class ScheduleParameters(StrictSerializer):
    unit = serializers.ChoiceField(["W", "A"])
    duration = serializers.IntegerField(min_value=1, required=False, help_text="Seconds.")
    start_time = MomentField(required=False, help_text="Of an absolute or recurring schedule.")
    min_rate = serializers.DecimalField(**_LIMIT, required=False)
    periods = SchedulePeriodParameters(many=True, allow_empty=False, max_length=_MAX_PERIODS)

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        """Return a schedule as it is stored, which is JSON already."""
        return dict(instance)


class ChargingProfileFields(StrictSerializer):
    """What every profile has, kept or not."""

    stack_level = serializers.IntegerField(min_value=0, default=0, help_text="Where several apply, the highest counts.")
    purpose = serializers.ChoiceField(ChargingProfile.Purpose.choices)
    kind = serializers.ChoiceField(ChargingProfile.Kind.choices, default=ChargingProfile.Kind.ABSOLUTE.value)
    recurrency = serializers.ChoiceField(ChargingProfile.Recurrency.choices, required=False)
    valid_from = MomentField(required=False)
    valid_to = MomentField(required=False)
    schedule = ScheduleParameters()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a profile that contradicts itself."""
        faults = faults_of(attrs)
        if faults:
            raise serializers.ValidationError({name: [text] for name, text in faults.items()})
        return attrs


class ChargingProfileParameters(ChargingProfileFields):
    """A profile that is sent without being kept."""

    id = serializers.IntegerField(min_value=0)
    transaction_id = serializers.IntegerField(required=False, help_text="Of the session a `tx` profile is for.")


class StoredProfileSerializer(ChargingProfileFields):
    """A profile that is kept."""

    id = serializers.IntegerField(read_only=True, help_text="The number under which stations know it.")
    name = serializers.CharField(max_length=100, allow_blank=True, default="")
    is_default = serializers.BooleanField(
        default=False, help_text="Given to every station after its boot, where it does not have it as it is."
    )
    evse_id = WholeNumberField(
        min_value=0, max_value=1000, default=0, help_text="Where a default goes; 0 for the whole station."
    )
    created_at = MomentField(read_only=True)
    updated_at = MomentField(read_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a profile that contradicts itself, or cannot be a default."""
        if isinstance(self.instance, ChargingProfile):
            attrs = {**editable_fields(self.instance), **attrs}
        super().validate(attrs)
        if attrs["is_default"] and attrs["purpose"] == ChargingProfile.Purpose.TX.value:
            raise serializers.ValidationError({"is_default": ["a tx profile is of one session, not of every station"]})
        if attrs["purpose"] == ChargingProfile.Purpose.STATION_MAX.value and attrs["evse_id"]:
            raise serializers.ValidationError({"evse_id": ["the limit of a whole station goes to EVSE 0"]})
        return attrs

    def to_representation(self, instance: ChargingProfile) -> dict[str, Any]:
        """Return the profile without the fields that it does not have."""
        shown = super().to_representation(instance)
        absent = [name for name in ("recurrency", "valid_from", "valid_to") if not shown.get(name)]
        return {name: value for name, value in shown.items() if name not in absent}

    def create(self, validated_data: dict[str, Any]) -> ChargingProfile:
        """Store a new profile and return it."""
        profile = ChargingProfile(id=next_profile_id(), **stored_fields(validated_data))
        profile.save(force_insert=True)
        return profile


def stored_fields(values: dict[str, Any]) -> dict[str, Any]:
    """Return validated values as they are stored: the schedule in JSON."""
    return {**values, "schedule": _as_json(values["schedule"])}


def editable_fields(profile: ChargingProfile) -> dict[str, Any]:
    """Return the fields of a stored profile as validated values, without those that it does not have."""
    schedule = dict(profile.schedule)
    if "start_time" in schedule:
        schedule["start_time"] = datetime.fromisoformat(schedule["start_time"])
    names = ("name", "stack_level", "purpose", "kind", "recurrency", "valid_from", "valid_to", "is_default", "evse_id")
    fields = {name: getattr(profile, name) for name in names}
    absent = [name for name in ("recurrency", "valid_from", "valid_to") if not fields[name]]
    return {name: value for name, value in fields.items() if name not in absent} | {"schedule": schedule}


def _as_json(schedule: dict[str, Any]) -> dict[str, Any]:
    stored = {**schedule, "periods": [{**one, "limit": float(one["limit"])} for one in schedule["periods"]]}
    if "min_rate" in schedule:
        stored["min_rate"] = float(schedule["min_rate"])
    if "start_time" in schedule:
        stored["start_time"] = MomentField().to_representation(schedule["start_time"])
    return stored
