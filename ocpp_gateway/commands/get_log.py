"""GetLog (OCPP 1.6 security white paper): have the station upload its diagnostics or its security log."""

from __future__ import annotations

from datetime import datetime

from rest_framework import serializers

from chargepoints.models import LogKind
from chargepoints.station import Station
from chargepoints.station_jobs import LOGS
from chargepoints.upload_links import upload_of
from ocpp_gateway.commands.signed_update_firmware import new_request_id
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.timestamps import format_time
from ocpp_gateway.protocol.versions import OcppVersion
from ocpp_gateway.station_jobs import accepts_job, moment, record_request
from ocpp_gateway.upload_location import UploadsSomewhere
from tenants.clients import Document
from tenants.unit_of_work import UnitOfWork

_NAMES = {"retries": "retries", "retry_interval": "retryInterval"}
_KINDS = {LogKind.DIAGNOSTICS.value: "DiagnosticsLog", LogKind.SECURITY.value: "SecurityLog"}
_WORDS = {wire: kind for kind, wire in _KINDS.items()}


class GetLogParameters(UploadsSomewhere):
    kind = serializers.ChoiceField(LogKind.choices)
    start_time = serializers.DateTimeField(required=False, help_text="Of the oldest entry.")
    stop_time = serializers.DateTimeField(required=False, help_text="Of the newest entry.")
    retries = serializers.IntegerField(min_value=0, required=False)
    retry_interval = serializers.IntegerField(min_value=0, required=False, help_text="Seconds.")


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of GetLog, with a new request id."""
    log: Payload = {"remoteLocation": parameters["location"]}
    if "start_time" in parameters:
        log["oldestTimestamp"] = format_time(parameters["start_time"])
    if "stop_time" in parameters:
        log["latestTimestamp"] = format_time(parameters["stop_time"])
    payload: Payload = {"logType": _KINDS[parameters["kind"]], "requestId": new_request_id(), "log": log}
    return payload | {wire: parameters[name] for name, wire in _NAMES.items() if name in parameters}


def begin(unit: UnitOfWork, station: Station, ended: Document, now: datetime) -> None:
    """Keep the job, whatever the station said."""
    payload, log = ended["payload"], ended["payload"]["log"]
    facts = {
        "kind": _WORDS[payload["logType"]],
        "request_id": payload["requestId"],
        "location": log["remoteLocation"],
        "oldest": moment(log, "oldestTimestamp"),
        "newest": moment(log, "latestTimestamp"),
        "upload_id": upload_of(log["remoteLocation"]),
        "file_name": (ended["response"] or {}).get("filename", ""),
        "retries": payload.get("retries"),
        "retry_interval": payload.get("retryInterval"),
    }
    record_request(unit, station, LOGS, ended, facts=facts, now=now)


VERB = Verb(
    "get-log",
    "Have the station upload its diagnostics or its security log",
    {OcppVersion.V16: "GetLog"},
    GetLogParameters,
    encode,
    accepted=accepts_job,
    effect=begin,
)
