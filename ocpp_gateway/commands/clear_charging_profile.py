"""ClearChargingProfile (OCPP 1.6 §5.5): lift limits, one by its id or all that match."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ocpp_gateway.commands.charging_profile import PURPOSES
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion


class ClearChargingProfileParameters(serializers.Serializer[Any]):
    id = serializers.IntegerField(min_value=0, required=False)
    evse_id = serializers.IntegerField(min_value=0, required=False)
    purpose = serializers.ChoiceField(list(PURPOSES), required=False)
    stack_level = serializers.IntegerField(min_value=0, required=False)


_NAMES = {"id": "id", "evse_id": "connectorId", "stack_level": "stackLevel"}


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of ClearChargingProfile."""
    payload: Payload = {wire: parameters[name] for name, wire in _NAMES.items() if name in parameters}
    if "purpose" in parameters:
        payload["chargingProfilePurpose"] = PURPOSES[parameters["purpose"]]
    return payload


VERB = Verb(
    "clear-charging-profile",
    "Lift limits",
    {OcppVersion.V16: "ClearChargingProfile"},
    ClearChargingProfileParameters,
    encode,
)
