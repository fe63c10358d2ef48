"""RemoteStopTransaction (OCPP 1.6 §5.12): end a running session."""

from __future__ import annotations

from rest_framework import serializers

from csms.fields import StrictSerializer
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion


class RemoteStopParameters(StrictSerializer):
    transaction_id = serializers.IntegerField(help_text="As in the session's `transaction_id`.")


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of RemoteStopTransaction."""
    return {"transactionId": parameters["transaction_id"]}


VERB = Verb(
    "remote-stop",
    "End a running session",
    {OcppVersion.V16: "RemoteStopTransaction"},
    RemoteStopParameters,
    encode,
)
