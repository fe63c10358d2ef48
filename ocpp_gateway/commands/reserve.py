"""ReserveNow (OCPP 1.6 §5.13): keep a connector for a token."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.timestamps import format_time
from ocpp_gateway.protocol.versions import OcppVersion


class ReserveParameters(serializers.Serializer[Any]):
    reservation_id = serializers.IntegerField(min_value=0)
    evse_id = serializers.IntegerField(min_value=0, default=0, help_text="0 for any connector of the station.")
    id_tag = serializers.CharField(max_length=20)
    parent_id_tag = serializers.CharField(max_length=20, required=False)
    expires_at = serializers.DateTimeField()


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of ReserveNow."""
    payload: Payload = {
        "connectorId": parameters["evse_id"],
        "expiryDate": format_time(parameters["expires_at"]),
        "idTag": parameters["id_tag"],
        "reservationId": parameters["reservation_id"],
    }
    if "parent_id_tag" in parameters:
        payload["parentIdTag"] = parameters["parent_id_tag"]
    return payload


VERB = Verb("reserve", "Keep a connector for a token", {OcppVersion.V16: "ReserveNow"}, ReserveParameters, encode)
