"""UpdateFirmware (OCPP 1.6 §5.19): have the station fetch and install firmware."""

from __future__ import annotations

from datetime import datetime

from rest_framework import serializers

from chargepoints.station import Station
from chargepoints.station_jobs import FIRMWARE
from csms.fields import StrictSerializer
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.timestamps import format_time
from ocpp_gateway.protocol.versions import OcppVersion
from ocpp_gateway.station_jobs import moment, record_request
from tenants.clients import Document
from tenants.unit_of_work import UnitOfWork

_NAMES = {"retries": "retries", "retry_interval": "retryInterval"}


class UpdateFirmwareParameters(StrictSerializer):
    location = serializers.CharField(max_length=2000, help_text="URL of the firmware.")
    retrieve_at = serializers.DateTimeField(help_text="When the station is to fetch it.")
    retries = serializers.IntegerField(min_value=0, required=False)
    retry_interval = serializers.IntegerField(min_value=0, required=False, help_text="Seconds.")


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of UpdateFirmware."""
    payload: Payload = {"location": parameters["location"], "retrieveDate": format_time(parameters["retrieve_at"])}
    return payload | {wire: parameters[name] for name, wire in _NAMES.items() if name in parameters}


def begin(unit: UnitOfWork, station: Station, ended: Document, now: datetime) -> None:
    """Keep the job, whatever the station said."""
    payload = ended["payload"]
    facts = {
        "location": payload["location"],
        "retrieve_at": moment(payload, "retrieveDate"),
        "retries": payload.get("retries"),
        "retry_interval": payload.get("retryInterval"),
    }
    record_request(unit, station, FIRMWARE, ended, facts=facts, now=now)


VERB = Verb(
    "update-firmware",
    "Have the station fetch and install firmware",
    {OcppVersion.V16: "UpdateFirmware"},
    UpdateFirmwareParameters,
    encode,
    effect=begin,
)
