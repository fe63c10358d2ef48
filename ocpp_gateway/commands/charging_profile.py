"""Charging profiles as OCPP 1.6 writes them (§7.8, §7.13, §7.14), and as it says what a station takes (§9.4)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from chargepoints.charging_profile_serializers import editable_fields
from chargepoints.configuration import listed_words, whole_number
from chargepoints.models import ChargePoint, ChargingProfile
from ocpp_gateway.commands.verb import Parameters, Payload, Unsupported
from ocpp_gateway.protocol.timestamps import format_time

PURPOSES = {
    "station_max": "ChargePointMaxProfile",
    "tx_default": "TxDefaultProfile",
    "tx": "TxProfile",
}
KINDS = {"absolute": "Absolute", "recurring": "Recurring", "relative": "Relative"}
_RECURRENCIES = {"daily": "Daily", "weekly": "Weekly"}
_UNITS = {"A": "current", "W": "power"}


def kept_profile(profile_id: int) -> dict[str, Any]:
    """Return a profile of the current tenant as parameters.

    Raises:
        rest_framework.exceptions.ValidationError: there is none of this number.
    """
    profile = ChargingProfile.objects.filter(pk=profile_id).first()
    if profile is None:
        raise serializers.ValidationError({"profile_id": [f"there is no charging profile {profile_id}"]})
    return {"id": profile.id, **editable_fields(profile)}


def encode_profile_v16(profile: Parameters) -> Payload:
    """Return a profile as `csChargingProfiles` or `chargingProfile` of OCPP 1.6."""
    payload: Payload = {
        "chargingProfileId": profile["id"],
        "stackLevel": profile["stack_level"],
        "chargingProfilePurpose": PURPOSES[profile["purpose"]],
        "chargingProfileKind": KINDS[profile["kind"]],
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


_WORDS = {
    word: ours for table in (PURPOSES, KINDS, _RECURRENCIES) for ours, word in table.items()
}  # no word stands in two of them


def decode_profile_v16(payload: Payload) -> dict[str, Any]:
    """Return a profile of OCPP 1.6 in words of no version; None for what it does not say, times as they were sent."""
    schedule = payload["chargingSchedule"]
    return {
        "id": payload["chargingProfileId"],
        "stack_level": payload["stackLevel"],
        "purpose": _WORDS[payload["chargingProfilePurpose"]],
        "kind": _WORDS[payload["chargingProfileKind"]],
        "recurrency": _WORDS[payload["recurrencyKind"]] if "recurrencyKind" in payload else None,
        "transaction_id": payload.get("transactionId"),
        "valid_from": payload.get("validFrom"),
        "valid_to": payload.get("validTo"),
        "schedule": {
            "unit": schedule["chargingRateUnit"],
            "duration": schedule.get("duration"),
            "start_time": schedule.get("startSchedule"),
            "min_rate": schedule.get("minChargingRate"),
            "periods": [
                {"start": one["startPeriod"], "limit": one["limit"], "phases": one.get("numberPhases")}
                for one in schedule["chargingSchedulePeriod"]
            ],
        },
    }


def check_profile(station: ChargePoint, payload: Payload, evse_id: int | None) -> None:
    """Compare a profile with what a station is known to take.

    Raises:
        Unsupported: it breaks a limit that the station has told of.
    """
    fault = limit_fault(station.configuration or {}, payload) or _room_fault(station, payload, evse_id)
    if fault:
        raise Unsupported(fault)


def limit_fault(settings: dict[str, Any], payload: Payload) -> str:
    """Return which limit in a station's settings a profile breaks; empty for none."""
    schedule = payload["chargingSchedule"]
    highest = whole_number(settings, "ChargeProfileMaxStackLevel", least=0)
    if highest is not None and payload["stackLevel"] > highest:
        return f"this station has stack levels up to {highest}"
    fault = unit_fault(settings, schedule["chargingRateUnit"])
    periods = whole_number(settings, "ChargingScheduleMaxPeriods")
    if not fault and periods is not None and len(schedule["chargingSchedulePeriod"]) > periods:
        return f"this station takes {periods} periods in a schedule"
    return fault


def unit_fault(settings: dict[str, Any], unit: str) -> str:
    """Return what is wrong with a unit for a station of these settings; empty for nothing."""
    words = listed_words(settings, "ChargingScheduleAllowedChargingRateUnit")
    # Some stations write the unit itself.
    return "" if not words or {_UNITS[unit], unit.lower()} & words else f"this station takes no schedules in {unit}"


_OF_SESSION = ChargingProfile.Purpose.TX.value


def _room_fault(station: ChargePoint, payload: Payload, evse_id: int | None) -> str:
    room = whole_number(station.configuration or {}, "MaxChargingProfilesInstalled")
    profile = decode_profile_v16(payload)
    place = (evse_id, profile["purpose"], profile["stack_level"])
    others = [
        one
        for one in station.charging_profiles or []
        if one["purpose"] != _OF_SESSION  # which the station drops when the session ends (OCPP 1.6 §3.13.1)
        and one["id"] != profile["id"]
        and (one["evse_id"], one["purpose"], one["stack_level"]) != place
    ]
    if room is None or len(others) < room:
        return ""
    return f"this station takes {room} profiles and has as many: clear one first"
