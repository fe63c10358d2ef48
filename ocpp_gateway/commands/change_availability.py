"""ChangeAvailability (OCPP 1.6 §5.2): take a connector, or the whole station, into or out of service."""

from __future__ import annotations

from rest_framework import serializers

from csms.fields import StrictSerializer
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion


class ChangeAvailabilityParameters(StrictSerializer):
    operative = serializers.BooleanField(help_text="True to let it charge, false to take it out of service.")
    evse_id = serializers.IntegerField(min_value=0, default=0, help_text="0 for the whole station.")


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of ChangeAvailability."""
    kind = "Operative" if parameters["operative"] else "Inoperative"
    return {"connectorId": parameters["evse_id"], "type": kind}


VERB = Verb(
    "change-availability",
    "Take a connector or the station into or out of service",
    {OcppVersion.V16: "ChangeAvailability"},
    ChangeAvailabilityParameters,
    encode,
)
