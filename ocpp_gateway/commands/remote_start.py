"""RemoteStartTransaction (OCPP 1.6 §5.11): start a session for a token, as if it had been presented there."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ocpp_gateway.commands.charging_profile import ChargingProfileParameters, encode_profile_v16
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion


class RemoteStartParameters(serializers.Serializer[Any]):
    id_tag = serializers.CharField(max_length=20, help_text="The token the session is for.")
    evse_id = serializers.IntegerField(
        min_value=1, required=False, help_text="Where to charge; without it the station chooses."
    )
    profile = ChargingProfileParameters(required=False, help_text="A `tx` profile for the session.")


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of RemoteStartTransaction."""
    payload: Payload = {"idTag": parameters["id_tag"]}
    if "evse_id" in parameters:
        payload["connectorId"] = parameters["evse_id"]
    if "profile" in parameters:
        payload["chargingProfile"] = encode_profile_v16(parameters["profile"])
    return payload


VERB = Verb(
    "remote-start",
    "Start a session",
    {OcppVersion.V16: "RemoteStartTransaction"},
    RemoteStartParameters,
    encode,
)
