"""SetChargingProfile (OCPP 1.6 §5.16): limit what a station, a connector or a session may draw."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from chargepoints.charging_profile_serializers import ChargingProfileParameters
from chargepoints.charging_profiles import add_installed
from chargepoints.models import ChargePoint, CommandState
from chargepoints.station import Station
from csms.fields import StrictSerializer
from ocpp_gateway.commands.charging_profile import check_profile, decode_profile_v16, encode_profile_v16, kept_profile
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion
from tenants.clients import Document
from tenants.unit_of_work import UnitOfWork


class SetChargingProfileParameters(StrictSerializer):
    evse_id = serializers.IntegerField(min_value=0, help_text="0 for the whole station.")
    profile = ChargingProfileParameters(required=False)
    profile_id = serializers.IntegerField(min_value=1, required=False, help_text="One of `charging-profiles` instead.")
    transaction_id = serializers.IntegerField(
        required=False, help_text="With `profile_id` of a `tx` profile: the session it is for."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Put a kept profile in its place, and refuse one for another place (OCPP 1.6 §5.16)."""
        if ("profile" in attrs) == ("profile_id" in attrs):
            raise serializers.ValidationError({"profile": ["give either profile or profile_id"]})
        if "profile_id" in attrs:
            attrs["profile"] = kept_profile(attrs.pop("profile_id"))
        if "transaction_id" in attrs:
            attrs["profile"] = {**attrs["profile"], "transaction_id": attrs.pop("transaction_id")}
        fault = _place_fault(attrs["evse_id"], attrs["profile"])
        if fault:
            raise serializers.ValidationError({"evse_id": [fault]})
        return attrs


def _place_fault(evse_id: int, profile: Parameters) -> str:
    if profile["purpose"] == "station_max" and evse_id:
        return "the limit of a whole station goes to EVSE 0"
    if profile["purpose"] == "tx" and not evse_id:
        return "the profile of a session goes to the EVSE where it runs"
    if profile["purpose"] != "tx" and "transaction_id" in profile:
        return "only a profile of purpose tx is for one session"
    return ""


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of SetChargingProfile."""
    return {"connectorId": parameters["evse_id"], "csChargingProfiles": encode_profile_v16(parameters["profile"])}


def record(unit: UnitOfWork, station: Station, ended: Document, now: datetime) -> None:
    """Keep that the station has taken the profile."""
    if ended["state"] == CommandState.ACCEPTED.value:
        payload = ended["payload"]
        taken = decode_profile_v16(payload["csChargingProfiles"])
        add_installed(unit, station, taken, evse_id=payload["connectorId"], command_id=ended["_id"], now=now)


def check(station: ChargePoint, payload: Payload) -> None:
    """Compare the profile with what the station takes."""
    check_profile(station, payload["csChargingProfiles"], payload["connectorId"])


VERB = Verb(
    "set-charging-profile",
    "Limit what a station, a connector or a session may draw",
    {OcppVersion.V16: "SetChargingProfile"},
    SetChargingProfileParameters,
    encode,
    effect=record,
    late=record,
    check=check,
)
