"""InstallCertificate (OCPP 1.6 security white paper): give the station a root certificate."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ocpp_gateway.commands.certificate_use import CHOICES, USES
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion


class InstallCertificateParameters(serializers.Serializer[Any]):
    use = serializers.ChoiceField(CHOICES)
    certificate = serializers.CharField(max_length=5500, help_text="PEM.", trim_whitespace=False)


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of InstallCertificate."""
    return {"certificateType": USES[parameters["use"]], "certificate": parameters["certificate"]}


VERB = Verb(
    "install-certificate",
    "Give the station a root certificate",
    {OcppVersion.V16: "InstallCertificate"},
    InstallCertificateParameters,
    encode,
)
