"""ReserveNow (OCPP 1.6 §5.13): keep a connector for a token."""

from __future__ import annotations

from datetime import datetime

from rest_framework import serializers

from chargepoints.models import ChargePoint
from chargepoints.reservations import ReservationRequest, settle_request
from chargepoints.station import Station
from csms.fields import StrictSerializer
from ocpp_gateway.commands.verb import Parameters, Payload, Unsupported, Verb
from ocpp_gateway.protocol.errors import OcppError
from ocpp_gateway.protocol.timestamps import format_time, parse_time
from ocpp_gateway.protocol.versions import OcppVersion
from tenants.clients import Document
from tenants.unit_of_work import UnitOfWork


class ReserveParameters(StrictSerializer):
    reservation_id = serializers.IntegerField(min_value=0, max_value=2**31 - 1)
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


def decode(payload: Payload) -> ReservationRequest:
    """Return what a ReserveNow asks for; the reverse of `encode`."""
    return ReservationRequest(
        reservation_id=payload["reservationId"],
        evse_id=payload["connectorId"],
        id_tag=payload["idTag"],
        parent_id_tag=payload.get("parentIdTag", ""),
        expires_at=parse_time(payload["expiryDate"]),
    )


def check(station: ChargePoint, payload: Payload) -> None:
    """Refuse a time that cannot be read, and any connector of a station that keeps only named ones (§9.4.1)."""
    try:
        parse_time(payload["expiryDate"])
    except OcppError as error:
        raise Unsupported(f"expiryDate: {error.description}") from None
    entry = station.configuration.get("ReserveConnectorZeroSupported") or {}
    if payload["connectorId"] == 0 and str(entry.get("value")).lower() == "false":
        raise Unsupported("this station keeps named connectors only (ReserveConnectorZeroSupported): choose one")


def effect(unit: UnitOfWork, station: Station, command: Document, now: datetime) -> None:
    """The station keeps the connector, or says why not: Faulted, Occupied, Rejected or Unavailable (§7.42)."""
    answer = (command["response"] or {}).get("status", "").lower()
    settle_request(unit, station, decode(command["payload"]), command, answer=answer, now=now)


VERB = Verb(
    "reserve",
    "Keep a connector for a token",
    {OcppVersion.V16: "ReserveNow"},
    ReserveParameters,
    encode,
    effect=effect,
    late=effect,
    check=check,
)
