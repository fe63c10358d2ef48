"""DataTransfer (OCPP 1.6 §5.6): a vendor's own message."""

from __future__ import annotations

from rest_framework import serializers

from csms.fields import StrictSerializer
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion


class DataTransferParameters(StrictSerializer):
    vendor_id = serializers.CharField(max_length=255)
    message_id = serializers.CharField(max_length=50, required=False)
    data = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of DataTransfer."""
    payload: Payload = {"vendorId": parameters["vendor_id"]}
    if "message_id" in parameters:
        payload["messageId"] = parameters["message_id"]
    if "data" in parameters:
        payload["data"] = parameters["data"]
    return payload


VERB = Verb(
    "data-transfer",
    "Send a vendor's own message",
    {OcppVersion.V16: "DataTransfer"},
    DataTransferParameters,
    encode,
)
