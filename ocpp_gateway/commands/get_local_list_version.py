"""GetLocalListVersion (OCPP 1.6 §5.10): which local authorization list the station holds."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion


class GetLocalListVersionParameters(serializers.Serializer[Any]):
    """Nothing to say."""


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of GetLocalListVersion, which is empty."""
    return {}


VERB = Verb(
    "get-local-list-version",
    "Ask which local authorization list the station holds",
    {OcppVersion.V16: "GetLocalListVersion"},
    GetLocalListVersionParameters,
    encode,
)
