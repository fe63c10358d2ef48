"""RemoteStartTransaction (OCPP 1.6 §5.11): start a session for a token, as if it had been presented there."""

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


class RemoteStartParameters(StrictSerializer):
    id_tag = serializers.CharField(max_length=20, help_text="The token the session is for.")
    evse_id = serializers.IntegerField(
        min_value=1, required=False, help_text="Where to charge; without it the station chooses."
    )
    profile = ChargingProfileParameters(required=False, help_text="A `tx` profile for the session.")
    profile_id = serializers.IntegerField(min_value=1, required=False, help_text="One of `charging-profiles` instead.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Put a kept profile in its place; refuse one that is not for a session that begins (OCPP 1.6 §5.11)."""
        if "profile_id" in attrs:
            attrs["profile"] = kept_profile(attrs.pop("profile_id"))
        profile = attrs.get("profile")
        if profile is not None and (profile["purpose"] != "tx" or "transaction_id" in profile):
            raise serializers.ValidationError({"profile": ["use one of purpose tx, without a transaction_id"]})
        return attrs


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of RemoteStartTransaction."""
    payload: Payload = {"idTag": parameters["id_tag"]}
    if "evse_id" in parameters:
        payload["connectorId"] = parameters["evse_id"]
    if "profile" in parameters:
        payload["chargingProfile"] = encode_profile_v16(parameters["profile"])
    return payload


def record(unit: UnitOfWork, station: Station, ended: Document, now: datetime) -> None:
    """Keep that the station has taken the profile of the session."""
    profile = ended["payload"].get("chargingProfile")
    if profile is not None and ended["state"] == CommandState.ACCEPTED.value:
        evse_id = ended["payload"].get("connectorId")
        taken = decode_profile_v16(profile)
        add_installed(unit, station, taken, evse_id=evse_id, command_id=ended["_id"], now=now)


def check(station: ChargePoint, payload: Payload) -> None:
    """Compare the profile with what the station takes."""
    if "chargingProfile" in payload:
        check_profile(station, payload["chargingProfile"], payload.get("connectorId"))


VERB = Verb(
    "remote-start",
    "Start a session",
    {OcppVersion.V16: "RemoteStartTransaction"},
    RemoteStartParameters,
    encode,
    effect=record,
    late=record,
    check=check,
)
