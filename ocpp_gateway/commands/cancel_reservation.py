"""CancelReservation (OCPP 1.6 §5.1): free a connector that was kept."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion


class CancelReservationParameters(serializers.Serializer[Any]):
    reservation_id = serializers.IntegerField(min_value=0)


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of CancelReservation."""
    return {"reservationId": parameters["reservation_id"]}


VERB = Verb(
    "cancel-reservation",
    "Free a connector that was kept",
    {OcppVersion.V16: "CancelReservation"},
    CancelReservationParameters,
    encode,
)
