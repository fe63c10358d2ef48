"""InstallCertificate (OCPP 1.6 security white paper): give the station a root certificate."""

from __future__ import annotations

from datetime import datetime

from rest_framework import serializers

from chargepoints.models import CommandState
from chargepoints.security_profiles import record_root
from chargepoints.station import Station
from csms.fields import StrictSerializer
from ocpp_gateway.commands.certificate_use import CHOICES, USES, is_of_this_server
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion
from tenants.clients import Document
from tenants.unit_of_work import UnitOfWork


class InstallCertificateParameters(StrictSerializer):
    use = serializers.ChoiceField(CHOICES)
    certificate = serializers.CharField(max_length=5500, help_text="PEM.", trim_whitespace=False)


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of InstallCertificate."""
    return {"certificateType": USES[parameters["use"]], "certificate": parameters["certificate"]}


def record(unit: UnitOfWork, station: Station, ended: Document, now: datetime) -> None:
    """Keep that the station can check this server's certificate."""
    if ended["state"] == CommandState.ACCEPTED.value and is_of_this_server(ended):
        record_root(unit, station, now)


VERB = Verb(
    "install-certificate",
    "Give the station a root certificate",
    {OcppVersion.V16: "InstallCertificate"},
    InstallCertificateParameters,
    encode,
    effect=record,
    late=record,
)
