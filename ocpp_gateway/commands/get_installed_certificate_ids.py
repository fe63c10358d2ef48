"""GetInstalledCertificateIds (OCPP 1.6 security white paper): which root certificates the station has."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ocpp_gateway.commands.certificate_use import CHOICES, USES
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion


class GetInstalledCertificateIdsParameters(serializers.Serializer[Any]):
    use = serializers.ChoiceField(CHOICES)


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of GetInstalledCertificateIds."""
    return {"certificateType": USES[parameters["use"]]}


def answered(response: Payload) -> bool:
    """Return whether the station has told; that it has none is an answer, too."""
    return response["status"] in {"Accepted", "NotFound"}


VERB = Verb(
    "get-installed-certificate-ids",
    "Ask the station which root certificates it has",
    {OcppVersion.V16: "GetInstalledCertificateIds"},
    GetInstalledCertificateIdsParameters,
    encode,
    accepted=answered,
)
