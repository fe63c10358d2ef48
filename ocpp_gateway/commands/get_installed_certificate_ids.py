"""GetInstalledCertificateIds (OCPP 1.6 security white paper): which root certificates the station has."""

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


class GetInstalledCertificateIdsParameters(StrictSerializer):
    use = serializers.ChoiceField(CHOICES)


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of GetInstalledCertificateIds."""
    return {"certificateType": USES[parameters["use"]]}


def answered(response: Payload) -> bool:
    """Return whether the station has told; that it has none is an answer, too."""
    return response["status"] in {"Accepted", "NotFound"}


def record(unit: UnitOfWork, station: Station, ended: Document, now: datetime) -> None:
    """Keep whether the station can check this server's certificate."""
    if ended["state"] == CommandState.ACCEPTED.value and is_of_this_server(ended):
        record_root(unit, station, now if ended["response"].get("certificateHashData") else None)


VERB = Verb(
    "get-installed-certificate-ids",
    "Ask the station which root certificates it has",
    {OcppVersion.V16: "GetInstalledCertificateIds"},
    GetInstalledCertificateIdsParameters,
    encode,
    accepted=answered,
    effect=record,
)
