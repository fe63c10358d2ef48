"""ChangeConfiguration (OCPP 1.6 §5.3): set one of the station's settings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from chargepoints.configuration import record_change, record_pending_change
from chargepoints.models import CommandState
from chargepoints.station import Station
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion
from tenants.clients import Document
from tenants.unit_of_work import UnitOfWork


class ChangeConfigurationParameters(serializers.Serializer[Any]):
    key = serializers.CharField(max_length=50)
    value = serializers.CharField(max_length=500, allow_blank=True, trim_whitespace=False)


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of ChangeConfiguration."""
    return {"key": parameters["key"], "value": parameters["value"]}


def record(unit: UnitOfWork, station: Station, ended: Document, now: datetime) -> None:
    """Keep the new value, or that it waits for the station's next boot."""
    if ended["state"] != CommandState.ACCEPTED.value or not ended["payload"]["key"]:
        return
    key, value = ended["payload"]["key"], ended["payload"]["value"]
    if ended["response"]["status"] == "RebootRequired":
        record_pending_change(unit, station, key, value)
    else:
        record_change(unit, station, key, value, now)


VERB = Verb(
    "change-configuration",
    "Set one of the station's settings",
    {OcppVersion.V16: "ChangeConfiguration"},
    ChangeConfigurationParameters,
    encode,
    effect=record,
)
