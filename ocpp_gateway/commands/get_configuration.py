"""GetConfiguration (OCPP 1.6 §5.8): read the station's settings."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion


class GetConfigurationParameters(serializers.Serializer[Any]):
    keys = serializers.ListField(
        child=serializers.CharField(max_length=50), required=False, help_text="All settings without it."
    )


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of GetConfiguration."""
    return {"key": parameters["keys"]} if parameters.get("keys") else {}


VERB = Verb(
    "get-configuration",
    "Read the station's settings",
    {OcppVersion.V16: "GetConfiguration"},
    GetConfigurationParameters,
    encode,
)
