"""GetCompositeSchedule (OCPP 1.6 §5.7): what all limits together allow."""

from __future__ import annotations

from rest_framework import serializers

from chargepoints.models import ChargePoint
from csms.fields import StrictSerializer
from ocpp_gateway.commands.charging_profile import unit_fault
from ocpp_gateway.commands.verb import Parameters, Payload, Unsupported, Verb
from ocpp_gateway.protocol.versions import OcppVersion


class GetCompositeScheduleParameters(StrictSerializer):
    evse_id = serializers.IntegerField(min_value=0, help_text="0 for the whole station.")
    duration = serializers.IntegerField(min_value=1, help_text="Seconds.")
    unit = serializers.ChoiceField(["W", "A"], required=False)


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of GetCompositeSchedule."""
    payload: Payload = {"connectorId": parameters["evse_id"], "duration": parameters["duration"]}
    if "unit" in parameters:
        payload["chargingRateUnit"] = parameters["unit"]
    return payload


def check(station: ChargePoint, payload: Payload) -> None:
    """Refuse a unit that the station does not calculate in."""
    unit = payload.get("chargingRateUnit")
    fault = unit_fault(station.configuration or {}, unit) if unit else ""
    if fault:
        raise Unsupported(fault)


VERB = Verb(
    "get-composite-schedule",
    "Ask what all limits together allow",
    {OcppVersion.V16: "GetCompositeSchedule"},
    GetCompositeScheduleParameters,
    encode,
    check=check,
)
