"""ChangeConfiguration (OCPP 1.6 §5.3): set one of the station's settings."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion


class ChangeConfigurationParameters(serializers.Serializer[Any]):
    key = serializers.CharField(max_length=50)
    value = serializers.CharField(max_length=500, allow_blank=True, trim_whitespace=False)


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of ChangeConfiguration."""
    return {"key": parameters["key"], "value": parameters["value"]}


VERB = Verb(
    "change-configuration",
    "Set one of the station's settings",
    {OcppVersion.V16: "ChangeConfiguration"},
    ChangeConfigurationParameters,
    encode,
)
