"""SendLocalList (OCPP 1.6 §5.15): give the station tokens it may accept while it is offline."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.timestamps import format_time
from ocpp_gateway.protocol.versions import OcppVersion

_STATUSES = {"accepted": "Accepted", "blocked": "Blocked", "expired": "Expired", "invalid": "Invalid"}


class LocalTokenParameters(serializers.Serializer[Any]):
    id_tag = serializers.CharField(max_length=20)
    status = serializers.ChoiceField(
        list(_STATUSES), required=False, help_text="Without it a differential update removes the token."
    )
    expires_at = serializers.DateTimeField(required=False)
    parent_id_tag = serializers.CharField(max_length=20, required=False)


class SendLocalListParameters(serializers.Serializer[Any]):
    version = serializers.IntegerField(min_value=1, help_text="Of the list after this update.")
    full = serializers.BooleanField(default=True, help_text="False to change only the tokens named.")
    tokens = LocalTokenParameters(many=True, default=list)


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of SendLocalList."""
    payload: Payload = {
        "listVersion": parameters["version"],
        "updateType": "Full" if parameters["full"] else "Differential",
    }
    if parameters["tokens"]:
        payload["localAuthorizationList"] = [_token(token) for token in parameters["tokens"]]
    return payload


def _token(token: Parameters) -> Payload:
    payload: Payload = {"idTag": token["id_tag"]}
    if "status" in token:
        info: Payload = {"status": _STATUSES[token["status"]]}
        if "expires_at" in token:
            info["expiryDate"] = format_time(token["expires_at"])
        if "parent_id_tag" in token:
            info["parentIdTag"] = token["parent_id_tag"]
        payload["idTagInfo"] = info
    return payload


VERB = Verb(
    "send-local-list",
    "Give the station tokens it may accept while it is offline",
    {OcppVersion.V16: "SendLocalList"},
    SendLocalListParameters,
    encode,
)
