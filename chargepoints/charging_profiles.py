"""Charging profiles: what makes one valid, and which ones are installed at a station.

What is installed is kept in `ChargePoint.charging_profiles`, from the answers to our own commands: OCPP 1.6 has no
message that asks a station for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from pymongo import ReturnDocument

from chargepoints.connection import CHARGE_POINTS
from chargepoints.models import ChargingProfile, TenantCounter
from chargepoints.station import Station
from tenants.clients import sync_database
from tenants.context import require_tenant
from tenants.routing import database_name
from tenants.unit_of_work import UnitOfWork

CHARGING_PROFILES = ChargingProfile._meta.db_table
# Below are the numbers of profiles that are sent without being kept here.
FIRST_ID = 1001
# A profile in words of no OCPP version: the fields of ChargingProfile, and `transaction_id`.
Profile = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledProfiles:
    """Which of a station's profiles are meant; None for any."""

    id: int | None = None
    evse_id: int | None = None
    purpose: str | None = None
    stack_level: int | None = None


def next_profile_id() -> int:
    """Return a number that no other profile of the current tenant has had."""
    counters = sync_database(database_name(require_tenant()))[TenantCounter._meta.db_table]
    counter = counters.find_one_and_update(
        {"_id": CHARGING_PROFILES}, {"$inc": {"value": 1}}, upsert=True, return_document=ReturnDocument.AFTER
    )
    assert counter is not None  # an upsert returns what it has made
    return FIRST_ID - 1 + int(counter["value"])


def faults_of(profile: Profile) -> dict[str, str]:
    """Return what is wrong with a profile by itself, by field; empty for a valid one (OCPP 1.6 §3.13, §7.8, §7.13)."""
    faults = _faults_of_kind(profile) | _faults_of_periods(profile["schedule"])
    valid_from, valid_to = profile.get("valid_from"), profile.get("valid_to")
    if valid_from and valid_to and valid_to <= valid_from:
        faults["valid_to"] = "must be after valid_from"
    if profile.get("transaction_id") is not None and profile["purpose"] != ChargingProfile.Purpose.TX.value:
        faults["transaction_id"] = "only a profile of purpose tx is for one session"
    return faults


def _faults_of_kind(profile: Profile) -> dict[str, str]:
    starts = profile["schedule"].get("start_time") is not None
    if profile["kind"] == ChargingProfile.Kind.RECURRING.value:
        if not profile.get("recurrency"):
            return {"recurrency": "a recurring profile says whether it is daily or weekly"}
        return {} if starts else {"schedule": "a recurring schedule needs the start_time that it repeats from"}
    if profile.get("recurrency"):
        return {"recurrency": "only a recurring profile has one"}
    return _faults_of_relative(profile, starts) if profile["kind"] == ChargingProfile.Kind.RELATIVE.value else {}


def _faults_of_relative(profile: Profile, starts: bool) -> dict[str, str]:
    if starts:
        return {"schedule": "a relative schedule starts with the session: leave start_time out"}
    if profile["purpose"] == ChargingProfile.Purpose.STATION_MAX.value:
        return {"kind": "the limit of a whole station has no session to be relative to"}
    return {}


def _faults_of_periods(schedule: Profile) -> dict[str, str]:
    starts = [period["start"] for period in schedule["periods"]]
    if starts[0] != 0:
        return {"schedule": "the first period starts at 0"}
    if any(later <= earlier for earlier, later in pairwise(starts)):
        return {"schedule": "each period starts after the one before it"}
    if schedule.get("duration") is not None and starts[-1] >= schedule["duration"]:
        return {"schedule": "the last period starts before the duration is over"}
    return {}


def add_installed(
    unit: UnitOfWork, station: Station, profile: Profile, *, evse_id: int | None, command_id: str, now: datetime
) -> None:
    """Add to a unit of work that a station has taken a profile.

    It replaces the one of the same number, and the one of the same place, purpose and stack level (OCPP 1.6 §5.16).
    `evse_id` is None where the station chooses the connector.
    """
    installed_at = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    entry = {**profile, "evse_id": evse_id, "command_id": command_id, "installed_at": installed_at}
    same_place = {"evse_id": evse_id, "purpose": profile["purpose"], "stack_level": profile["stack_level"]}
    replaced = {"$or": [_equal({"id": profile["id"]}), _equal(same_place)]}
    # In one step on the server: what is read and written back could undo what happens meanwhile.
    change = {"$concatArrays": [_without(replaced), [{"$literal": entry}]]}
    unit.update(CHARGE_POINTS, {"_id": station.id}, [{"$set": {"charging_profiles": change}}])


def remove_installed(unit: UnitOfWork, station: Station, which: InstalledProfiles) -> None:
    """Add to a unit of work that a station has these profiles no more."""
    meant = {name: value for name, value in asdict(which).items() if value is not None}
    unit.update(CHARGE_POINTS, {"_id": station.id}, [{"$set": {"charging_profiles": _without(_equal(meant))}}])


def _equal(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"$and": [True, *({"$eq": [f"$$this.{name}", {"$literal": value}]} for name, value in fields.items())]}


def _without(condition: dict[str, Any]) -> dict[str, Any]:
    installed = {"$ifNull": ["$charging_profiles", []]}
    return {"$filter": {"input": installed, "cond": {"$not": [condition]}}}
