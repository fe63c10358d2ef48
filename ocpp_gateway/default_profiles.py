"""Charging profiles that every station of a tenant is given after its boot, where it does not have them as they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import structlog

from chargepoints.charging_profile_serializers import editable_fields
from chargepoints.charging_profiles import CHARGING_PROFILES
from chargepoints.commands import NewCommand
from chargepoints.configuration import Setting, field_of
from chargepoints.connection import CHARGE_POINTS
from chargepoints.models import ChargingProfile
from chargepoints.station import Station
from ocpp_gateway.commands.charging_profile import decode_profile_v16, encode_profile_v16, limit_fault
from ocpp_gateway.system_commands import system_command
from tenants.loaded import loaded

log = structlog.get_logger(__name__)


def payload_of(profile: ChargingProfile) -> dict[str, Any]:
    """Return the payload of SetChargingProfile that gives a station this default."""
    parameters = {"id": profile.id, **editable_fields(profile)}
    return {"connectorId": profile.evse_id, "csChargingProfiles": encode_profile_v16(parameters)}


def is_installed(payload: dict[str, Any], installed: Iterable[dict[str, Any]]) -> bool:
    """Return whether a station has the profile of a SetChargingProfile just as it is."""
    given = decode_profile_v16(payload["csChargingProfiles"]) | {"evse_id": payload["connectorId"]}
    return any(all(name in one and one[name] == value for name, value in given.items()) for one in installed)


async def give_defaults(station: Station, settings: Sequence[Setting]) -> list[NewCommand]:
    """Return the commands that give a station the defaults it does not have; `settings` are what it has just told."""
    database = station.tenant.database
    defaults = await database[CHARGING_PROFILES].find({"is_default": True}).sort("_id", 1).to_list()
    if not defaults:
        return []
    stored = await database[CHARGE_POINTS].find_one({"_id": station.id}, projection=["charging_profiles"])
    installed = (stored or {}).get("charging_profiles") or []
    known = {field_of(one.key): {"value": one.value} for one in settings}
    payloads = [payload_of(loaded(ChargingProfile, document)) for document in defaults]
    return [
        system_command(station, "SetChargingProfile", payload)
        for payload in payloads
        if not is_installed(payload, installed) and _fits(station, payload, known)
    ]


def _fits(station: Station, payload: dict[str, Any], settings: dict[str, Any]) -> bool:
    fault = limit_fault(settings, payload["csChargingProfiles"])
    if fault:
        number = payload["csChargingProfiles"]["chargingProfileId"]
        log.warning("default_profile_not_given", station=station.id, profile=number, reason=fault)
    return not fault
