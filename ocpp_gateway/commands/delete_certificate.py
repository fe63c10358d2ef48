"""DeleteCertificate (OCPP 1.6 security white paper): take a root certificate away from the station."""

from __future__ import annotations

from datetime import datetime

from rest_framework import serializers

from chargepoints.models import CommandState
from chargepoints.security_profiles import record_root
from chargepoints.station import Station
from csms.fields import StrictSerializer
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion
from tenants.clients import Document
from tenants.unit_of_work import UnitOfWork

_NAMES = {
    "hash_algorithm": "hashAlgorithm",
    "issuer_name_hash": "issuerNameHash",
    "issuer_key_hash": "issuerKeyHash",
    "serial_number": "serialNumber",
}


class DeleteCertificateParameters(StrictSerializer):
    """As the station's answer to `get-installed-certificate-ids` names it."""

    hash_algorithm = serializers.ChoiceField(["SHA256", "SHA384", "SHA512"])
    issuer_name_hash = serializers.CharField(max_length=128)
    issuer_key_hash = serializers.CharField(max_length=128)
    serial_number = serializers.CharField(max_length=40)


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of DeleteCertificate."""
    return {"certificateHashData": {wire: parameters[name] for name, wire in _NAMES.items()}}


def record(unit: UnitOfWork, station: Station, ended: Document, now: datetime) -> None:
    """Forget that the station can check this server's certificate: nobody knows which one it has deleted."""
    if ended["state"] == CommandState.ACCEPTED.value:
        record_root(unit, station, None)


VERB = Verb(
    "delete-certificate",
    "Take a root certificate away from the station",
    {OcppVersion.V16: "DeleteCertificate"},
    DeleteCertificateParameters,
    encode,
    effect=record,
)
