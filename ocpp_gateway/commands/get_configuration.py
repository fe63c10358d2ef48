"""GetConfiguration (OCPP 1.6 §5.8): read the station's settings."""

from __future__ import annotations

from datetime import datetime

from rest_framework import serializers

from chargepoints.commands import NewCommand
from chargepoints.configuration import Setting, record_all_settings, record_settings, whole_number
from chargepoints.models import ChargePoint, CommandState
from chargepoints.station import Station
from csms.fields import StrictSerializer
from ocpp_gateway import configuration
from ocpp_gateway.commands.verb import Parameters, Payload, Unsupported, Verb
from ocpp_gateway.default_profiles import give_defaults
from ocpp_gateway.protocol.versions import OcppVersion
from tenants.clients import Document
from tenants.unit_of_work import UnitOfWork


class GetConfigurationParameters(StrictSerializer):
    keys = serializers.ListField(
        child=serializers.CharField(max_length=50), required=False, help_text="All settings without it."
    )


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of GetConfiguration."""
    return {"key": parameters["keys"]} if parameters.get("keys") else {}


def record(unit: UnitOfWork, station: Station, ended: Document, now: datetime) -> None:
    """Keep what the station has said of its settings."""
    if ended["state"] != CommandState.ACCEPTED.value:
        return
    settings = reported(ended["response"])
    if not ended["payload"].get("key") and not configuration.may_be_cut(settings):
        record_all_settings(unit, station, settings, now)
    else:
        unknown = [key for key in ended["response"].get("unknownKey", ()) if key]
        record_settings(unit, station, settings, unknown, now)


def reported(response: Payload) -> list[Setting]:
    """Return the settings in an answer, without those that have no name."""
    return [
        Setting(entry["key"], entry.get("value"), entry["readonly"])
        for entry in response.get("configurationKey", ())
        if entry["key"]
    ]


async def go_on(station: Station, version: OcppVersion, ended: Document) -> list[NewCommand]:
    """After the reading that follows a boot: ask for what it left out, and set what the tenant wants otherwise."""
    if not configuration.is_after_boot(ended):
        return []
    settings = reported(ended["response"]) if ended["state"] == CommandState.ACCEPTED.value else []
    missing = configuration.read_missing(station, settings) if configuration.may_be_cut(settings) else []
    wanted = await configuration.set_wanted(station, settings)
    return missing + wanted + await give_defaults(station, settings)


def check(station: ChargePoint, payload: Payload) -> None:
    """Refuse more keys than the station takes in one request."""
    limit = whole_number(station.configuration, configuration.MAX_KEYS)
    if limit is not None and len(payload.get("key", ())) > limit:
        raise Unsupported(
            f"this station takes {limit} keys in one request: POST them to .../configuration, which asks in portions"
        )


VERB = Verb(
    "get-configuration",
    "Read the station's settings",
    {OcppVersion.V16: "GetConfiguration"},
    GetConfigurationParameters,
    encode,
    effect=record,
    late=record,
    follow_up=go_on,
    check=check,
)
