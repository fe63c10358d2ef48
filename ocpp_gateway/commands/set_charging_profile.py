"""SetChargingProfile (OCPP 1.6 §5.16): limit what a station, a connector or a session may draw."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ocpp_gateway.commands.charging_profile import ChargingProfileParameters, encode_profile_v16
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion


class SetChargingProfileParameters(serializers.Serializer[Any]):
    evse_id = serializers.IntegerField(min_value=0, help_text="0 for the whole station.")
    profile = ChargingProfileParameters()


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of SetChargingProfile."""
    return {"connectorId": parameters["evse_id"], "csChargingProfiles": encode_profile_v16(parameters["profile"])}


VERB = Verb(
    "set-charging-profile",
    "Limit what a station, a connector or a session may draw",
    {OcppVersion.V16: "SetChargingProfile"},
    SetChargingProfileParameters,
    encode,
)
