"""TriggerMessage (OCPP 1.6 §5.17): have the station send a message now."""

from __future__ import annotations

from rest_framework import serializers

from csms.fields import StrictSerializer
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion

_MESSAGES = {
    "boot": "BootNotification",
    "diagnostics_status": "DiagnosticsStatusNotification",
    "firmware_status": "FirmwareStatusNotification",
    "heartbeat": "Heartbeat",
    "meter_values": "MeterValues",
    "status": "StatusNotification",
}


class TriggerParameters(StrictSerializer):
    message = serializers.ChoiceField(list(_MESSAGES))
    evse_id = serializers.IntegerField(min_value=1, required=False, help_text="Every connector without it.")


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of TriggerMessage."""
    payload: Payload = {"requestedMessage": _MESSAGES[parameters["message"]]}
    if "evse_id" in parameters:
        payload["connectorId"] = parameters["evse_id"]
    return payload


VERB = Verb(
    "trigger", "Have the station send a message now", {OcppVersion.V16: "TriggerMessage"}, TriggerParameters, encode
)
