"""CancelReservation (OCPP 1.6 §5.1): free a connector that was kept."""

from __future__ import annotations

from datetime import datetime

from rest_framework import serializers

from chargepoints.models import CommandState
from chargepoints.reservations import settle_cancellation
from chargepoints.station import Station
from csms.fields import StrictSerializer
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion
from tenants.clients import Document
from tenants.unit_of_work import UnitOfWork

# Rejected says that the station has no such reservation (§5.1), so either answer means that it holds none.
_REASONS = {CommandState.ACCEPTED.value: "requested", CommandState.REJECTED.value: "unknown_to_station"}


class CancelReservationParameters(StrictSerializer):
    reservation_id = serializers.IntegerField(min_value=0, max_value=2**31 - 1)


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of CancelReservation."""
    return {"reservationId": parameters["reservation_id"]}


def effect(unit: UnitOfWork, station: Station, command: Document, now: datetime) -> None:
    """The reservation is over if the station has answered; without an answer it stays what it is."""
    reason = _REASONS.get(command["state"])
    if reason is not None:
        settle_cancellation(unit, station, command["payload"]["reservationId"], reason, now)


VERB = Verb(
    "cancel-reservation",
    "Free a connector that was kept",
    {OcppVersion.V16: "CancelReservation"},
    CancelReservationParameters,
    encode,
    effect=effect,
    late=effect,
)
