"""CertificateSigned (OCPP 1.6 security white paper): bring the station the certificate it has asked for."""

from __future__ import annotations

from datetime import datetime

from rest_framework import serializers

from chargepoints.certificate_requests import settle_request
from chargepoints.station import Station
from csms.fields import StrictSerializer
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion
from tenants.clients import Document
from tenants.unit_of_work import UnitOfWork


class CertificateSignedParameters(StrictSerializer):
    chain = serializers.CharField(
        max_length=10000, trim_whitespace=False, help_text="The certificate and those behind it, in PEM."
    )


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of CertificateSigned."""
    return {"certificateChain": parameters["chain"]}


def settle(unit: UnitOfWork, station: Station, ended: Document, now: datetime) -> None:
    """Keep what the station has done with it."""
    settle_request(unit, station, ended["payload"]["certificateChain"], ended, now)


VERB = Verb(
    "certificate-signed",
    "Bring the station a certificate that was signed elsewhere",
    {OcppVersion.V16: "CertificateSigned"},
    CertificateSignedParameters,
    encode,
    effect=settle,
    late=settle,
)
