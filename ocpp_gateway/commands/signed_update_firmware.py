"""SignedUpdateFirmware (OCPP 1.6 security white paper): have the station install firmware that somebody has signed."""

from __future__ import annotations

import secrets
from datetime import datetime

from rest_framework import serializers

from chargepoints.models import FirmwareStatus
from chargepoints.station import Station
from chargepoints.station_jobs import FIRMWARE
from csms.fields import StrictSerializer
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.timestamps import format_time
from ocpp_gateway.protocol.versions import OcppVersion
from ocpp_gateway.station_jobs import accepts_job, moment, record_request
from tenants.clients import Document
from tenants.unit_of_work import UnitOfWork

_NAMES = {"retries": "retries", "retry_interval": "retryInterval"}
# What a refusal means for the job; any other is just that.
_REFUSALS = {
    "InvalidCertificate": FirmwareStatus.INVALID_CERTIFICATE.value,
    "RevokedCertificate": FirmwareStatus.REVOKED_CERTIFICATE.value,
}


class SignedUpdateFirmwareParameters(StrictSerializer):
    location = serializers.CharField(max_length=512, help_text="URL of the firmware.")
    retrieve_at = serializers.DateTimeField(help_text="When the station is to fetch it.")
    install_at = serializers.DateTimeField(required=False, help_text="When it is to install it; at once without it.")
    signing_certificate = serializers.CharField(max_length=5500, help_text="PEM, of whoever signed the firmware.")
    signature = serializers.CharField(max_length=800, help_text="Base64, of the firmware.")
    retries = serializers.IntegerField(min_value=0, required=False)
    retry_interval = serializers.IntegerField(min_value=0, required=False, help_text="Seconds.")


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of SignedUpdateFirmware, with a new request id."""
    firmware: Payload = {
        "location": parameters["location"],
        "retrieveDateTime": format_time(parameters["retrieve_at"]),
        "signingCertificate": parameters["signing_certificate"],
        "signature": parameters["signature"],
    }
    if "install_at" in parameters:
        firmware["installDateTime"] = format_time(parameters["install_at"])
    payload: Payload = {"requestId": new_request_id(), "firmware": firmware}
    return payload | {wire: parameters[name] for name, wire in _NAMES.items() if name in parameters}


def new_request_id() -> int:
    """Return a positive number of 31 bits that the station has most probably not seen."""
    return secrets.randbelow(2**31 - 1) + 1


def begin(unit: UnitOfWork, station: Station, ended: Document, now: datetime) -> None:
    """Keep the job, whatever the station said."""
    payload, firmware = ended["payload"], ended["payload"]["firmware"]
    facts = {
        "signed": True,
        "request_id": payload["requestId"],
        "location": firmware["location"],
        "retrieve_at": moment(firmware, "retrieveDateTime"),
        "install_at": moment(firmware, "installDateTime"),
        "retries": payload.get("retries"),
        "retry_interval": payload.get("retryInterval"),
    }
    answer = (ended["response"] or {}).get("status", "")
    record_request(unit, station, FIRMWARE, ended, facts=facts, now=now, status=_REFUSALS.get(answer))


VERB = Verb(
    "signed-update-firmware",
    "Have the station fetch, check and install signed firmware",
    {OcppVersion.V16: "SignedUpdateFirmware"},
    SignedUpdateFirmwareParameters,
    encode,
    accepted=accepts_job,
    effect=begin,
)
