"""UnlockConnector (OCPP 1.6 §5.18): let go of the cable."""

from __future__ import annotations

from rest_framework import serializers

from csms.fields import StrictSerializer
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion


class UnlockParameters(StrictSerializer):
    evse_id = serializers.IntegerField(min_value=1)


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of UnlockConnector."""
    return {"connectorId": parameters["evse_id"]}


VERB = Verb("unlock", "Let go of the cable", {OcppVersion.V16: "UnlockConnector"}, UnlockParameters, encode)
