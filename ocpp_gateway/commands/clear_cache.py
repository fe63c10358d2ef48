"""ClearCache (OCPP 1.6 §5.4): make the station forget the tokens it has seen."""

from __future__ import annotations

from csms.fields import StrictSerializer
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion


class ClearCacheParameters(StrictSerializer):
    """Nothing to say."""


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of ClearCache, which is empty."""
    return {}


VERB = Verb(
    "clear-cache",
    "Make the station forget the tokens it has seen",
    {OcppVersion.V16: "ClearCache"},
    ClearCacheParameters,
    encode,
)
