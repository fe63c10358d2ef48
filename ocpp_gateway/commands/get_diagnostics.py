"""GetDiagnostics (OCPP 1.6 §5.9): have the station upload its diagnostics."""

from __future__ import annotations

from datetime import datetime

from rest_framework import serializers

from chargepoints.models import LogStatus
from chargepoints.station import Station
from chargepoints.station_jobs import LOGS
from chargepoints.upload_links import upload_of
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.timestamps import format_time
from ocpp_gateway.protocol.versions import OcppVersion
from ocpp_gateway.station_jobs import moment, record_request
from ocpp_gateway.upload_location import UploadsSomewhere
from tenants.clients import Document
from tenants.unit_of_work import UnitOfWork

_NAMES = {"retries": "retries", "retry_interval": "retryInterval"}


class GetDiagnosticsParameters(UploadsSomewhere):
    start_time = serializers.DateTimeField(required=False, help_text="Of the oldest entry.")
    stop_time = serializers.DateTimeField(required=False, help_text="Of the newest entry.")
    retries = serializers.IntegerField(min_value=0, required=False)
    retry_interval = serializers.IntegerField(min_value=0, required=False, help_text="Seconds.")


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of GetDiagnostics."""
    payload: Payload = {"location": parameters["location"]}
    payload |= {wire: parameters[name] for name, wire in _NAMES.items() if name in parameters}
    if "start_time" in parameters:
        payload["startTime"] = format_time(parameters["start_time"])
    if "stop_time" in parameters:
        payload["stopTime"] = format_time(parameters["stop_time"])
    return payload


def begin(unit: UnitOfWork, station: Station, ended: Document, now: datetime) -> None:
    """Keep the job, whatever the station said; without a file name it has nothing to upload (OCPP 1.6 §5.9)."""
    payload, answer = ended["payload"], ended["response"]
    facts = {
        "location": payload["location"],
        "oldest": moment(payload, "startTime"),
        "newest": moment(payload, "stopTime"),
        "upload_id": upload_of(payload["location"]),
        "file_name": (answer or {}).get("fileName", ""),
        "retries": payload.get("retries"),
        "retry_interval": payload.get("retryInterval"),
    }
    nothing = answer is not None and not facts["file_name"]
    record_request(
        unit, station, LOGS, ended, facts=facts, now=now, status=LogStatus.NO_FILE.value if nothing else None
    )


VERB = Verb(
    "get-diagnostics",
    "Have the station upload its diagnostics",
    {OcppVersion.V16: "GetDiagnostics"},
    GetDiagnosticsParameters,
    encode,
    effect=begin,
)
