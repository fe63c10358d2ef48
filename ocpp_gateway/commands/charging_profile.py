"""Charging profiles in version-neutral words and as OCPP 1.6 writes them (§7.8, §7.13, §7.14)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ocpp_gateway.commands.verb import Parameters, Payload
from ocpp_gateway.protocol.timestamps import format_time

PURPOSES = {
    "station_max": "ChargePointMaxProfile",
    "tx_default": "TxDefaultProfile",
    "tx": "TxProfile",
}
_KINDS = {"absolute": "Absolute", "recurring": "Recurring", "relative": "Relative"}
_RECURRENCIES = {"daily": "Daily", "weekly": "Weekly"}


class SchedulePeriodParameters(serializers.Serializer[Any]):
    start = serializers.IntegerField(min_value=0, help_text="Seconds after the start of the schedule.")
    limit = serializers.DecimalField(max_digits=12, decimal_places=1, min_value=0, help_text="In the schedule's unit.")
    phases = serializers.IntegerField(min_value=1, max_value=3, required=False)


class ScheduleParameters(serializers.Serializer[Any]):
    unit = serializers.ChoiceField(["W", "A"])
    duration = serializers.IntegerField(min_value=1, required=False, help_text="Seconds.")
    start_time = serializers.DateTimeField(required=False, help_text="Of an absolute schedule.")
    min_rate = serializers.DecimalField(max_digits=12, decimal_places=1, min_value=0, required=False)
    periods = SchedulePeriodParameters(many=True, allow_empty=False)


class ChargingProfileParameters(serializers.Serializer[Any]):
    id = serializers.IntegerField(min_value=0)
    stack_level = serializers.IntegerField(min_value=0, default=0)
    purpose = serializers.ChoiceField(list(PURPOSES))
    kind = serializers.ChoiceField(list(_KINDS), default="absolute")
    recurrency = serializers.ChoiceField(list(_RECURRENCIES), required=False)
    transaction_id = serializers.IntegerField(required=False, help_text="Of the session a `tx` profile is for.")
    valid_from = serializers.DateTimeField(required=False)
    valid_to = serializers.DateTimeField(required=False)
    schedule = ScheduleParameters()


def encode_profile_v16(profile: Parameters) -> Payload:
    """Return a profile as `csChargingProfiles` or `chargingProfile` of OCPP 1.6."""
    payload: Payload = {
        "chargingProfileId": profile["id"],
        "stackLevel": profile["stack_level"],
        "chargingProfilePurpose": PURPOSES[profile["purpose"]],
        "chargingProfileKind": _KINDS[profile["kind"]],
        "chargingSchedule": _schedule(profile["schedule"]),
    }
    if "transaction_id" in profile:
        payload["transactionId"] = profile["transaction_id"]
    if "recurrency" in profile:
        payload["recurrencyKind"] = _RECURRENCIES[profile["recurrency"]]
    for name, wire in (("valid_from", "validFrom"), ("valid_to", "validTo")):
        if name in profile:
            payload[wire] = format_time(profile[name])
    return payload


def _schedule(schedule: Parameters) -> Payload:
    payload: Payload = {
        "chargingRateUnit": schedule["unit"],
        "chargingSchedulePeriod": [_period(period) for period in schedule["periods"]],
    }
    if "duration" in schedule:
        payload["duration"] = schedule["duration"]
    if "start_time" in schedule:
        payload["startSchedule"] = format_time(schedule["start_time"])
    if "min_rate" in schedule:
        payload["minChargingRate"] = float(schedule["min_rate"])
    return payload


def _period(period: Parameters) -> Payload:
    payload: Payload = {"startPeriod": period["start"], "limit": float(period["limit"])}
    if "phases" in period:
        payload["numberPhases"] = period["phases"]
    return payload
