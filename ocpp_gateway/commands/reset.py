"""Reset (OCPP 1.6 §5.14): restart the station, at once or when its sessions have ended in order."""

from __future__ import annotations

from rest_framework import serializers

from csms.fields import StrictSerializer
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion

_KINDS = {"soft": "Soft", "hard": "Hard"}


class ResetParameters(StrictSerializer):
    type = serializers.ChoiceField(
        list(_KINDS), default="soft", help_text="`soft` ends running sessions in order, `hard` restarts at once."
    )


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of Reset."""
    return {"type": _KINDS[parameters["type"]]}


VERB = Verb("reset", "Restart the station", {OcppVersion.V16: "Reset"}, ResetParameters, encode)
