"""ExtendedTriggerMessage (OCPP 1.6 security white paper, A02, A05, L01, N01): the same for stations with security."""

from __future__ import annotations

from rest_framework import serializers

from csms.fields import StrictSerializer
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion

_MESSAGES = {
    "boot": "BootNotification",
    "firmware_status": "FirmwareStatusNotification",
    "heartbeat": "Heartbeat",
    "log_status": "LogStatusNotification",
    "meter_values": "MeterValues",
    "sign_certificate": "SignChargePointCertificate",
    "status": "StatusNotification",
}


class ExtendedTriggerParameters(StrictSerializer):
    message = serializers.ChoiceField(list(_MESSAGES))
    evse_id = serializers.IntegerField(min_value=1, required=False, help_text="Every connector without it.")


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of ExtendedTriggerMessage."""
    payload: Payload = {"requestedMessage": _MESSAGES[parameters["message"]]}
    if "evse_id" in parameters:
        payload["connectorId"] = parameters["evse_id"]
    return payload


VERB = Verb(
    "extended-trigger",
    "Have a station with the security extension send a message now",
    {OcppVersion.V16: "ExtendedTriggerMessage"},
    ExtendedTriggerParameters,
    encode,
)
