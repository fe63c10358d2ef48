"""What we know of a station's settings: the value of each key, whether it can be changed, and when it was read.

Stored in `ChargePoint.configuration` as `{"<key>": {"value", "readonly", "read_at"}}`. A change that works only after
the station's next boot is kept apart, in `ChargePoint.reboot_pending`, until that boot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from chargepoints.connection import CHARGE_POINTS
from chargepoints.station import Station
from tenants.clients import Document
from tenants.unit_of_work import UnitOfWork

# Settings whose value is a secret: never kept, whatever a station answers.
SECRET_KEYS = frozenset({"authorizationkey"})
# MongoDB reads `.` and `$` in a field's name as operators; `%` is the escape itself, and NUL is forbidden.
_ESCAPES = str.maketrans({"%": "%25", ".": "%2E", "$": "%24", "\0": "%00"})


@dataclass(frozen=True, slots=True)
class Setting:
    """One key as a station reports it; None for a key that has no value."""

    key: str
    value: str | None = field(repr=False)
    readonly: bool


def field_of(key: str) -> str:
    """Return the name under which a key is stored: percent-encoded where MongoDB would read it otherwise."""
    return key.translate(_ESCAPES)


def key_of(field: str) -> str:
    """Return the key that is stored under a name."""
    for character, escape in ((".", "%2E"), ("$", "%24"), ("\0", "%00"), ("%", "%25")):
        field = field.replace(escape, character)
    return field


def known_settings(configuration: Mapping[str, Any], pending: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what is known of each key, by key, in the order of the alphabet.

    `reboot_required` is true, and `pending_value` there, for a change that waits for the station's next boot.
    """
    known = {}
    for name in sorted({*configuration, *pending}, key=key_of):
        entry = configuration.get(name) or {"value": None, "readonly": False, "read_at": None}
        known[key_of(name)] = entry | {"reboot_required": name in pending, "pending_value": pending.get(name)}
    return known


def record_settings(
    unit: UnitOfWork, station: Station, settings: Iterable[Setting], unknown: Iterable[str], now: datetime
) -> None:
    """Add to a unit of work what a station has said of some keys, and which it does not know."""
    change: Document = {}
    known = {f"configuration.{field_of(one.key)}": _entry(one, now) for one in settings}
    forgotten = {f"configuration.{field_of(key)}": "" for key in unknown}
    if known:
        change["$set"] = known
    if forgotten := {name: "" for name in forgotten if name not in known}:
        change["$unset"] = forgotten
    if change:
        unit.update(CHARGE_POINTS, {"_id": station.id}, change)


def record_all_settings(unit: UnitOfWork, station: Station, settings: Iterable[Setting], now: datetime) -> None:
    """Add to a unit of work that these are all the settings a station has."""
    known = {field_of(one.key): _entry(one, now) for one in settings}
    unit.update(CHARGE_POINTS, {"_id": station.id}, {"$set": {"configuration": known}})


def record_change(unit: UnitOfWork, station: Station, key: str, value: str, now: datetime) -> None:
    """Add to a unit of work that a station works with another value from now on."""
    field = field_of(key)
    entry = _entry(Setting(key, value, readonly=False), now)
    change = {"$set": {f"configuration.{field}": entry}, "$unset": {f"reboot_pending.{field}": ""}}
    unit.update(CHARGE_POINTS, {"_id": station.id}, change)


def record_pending_change(unit: UnitOfWork, station: Station, key: str, value: str) -> None:
    """Add to a unit of work that a station has taken a value and will work with it after its next boot."""
    shown = None if key.lower() in SECRET_KEYS else value
    unit.update(CHARGE_POINTS, {"_id": station.id}, {"$set": {f"reboot_pending.{field_of(key)}": shown}})


def _entry(setting: Setting, now: datetime) -> dict[str, Any]:
    value = None if setting.key.lower() in SECRET_KEYS else setting.value
    read_at = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"value": value, "readonly": setting.readonly, "read_at": read_at}


def same_value(one: str | None, other: str | None) -> bool:
    """Return whether two values of a setting mean the same: stations spell `True` and `true`."""
    first, second = (one or "").strip(), (other or "").strip()
    if first.lower() in {"true", "false"}:
        return first.lower() == second.lower()
    return first == second


def whole_number(configuration: Mapping[str, Any], key: str, *, least: int = 1) -> int | None:
    """Return the value of a setting that holds a whole number, or None where it is not known or below `least`."""
    value = str((configuration.get(field_of(key)) or {}).get("value") or "").strip()
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 and int(value) >= least else None


def listed_words(configuration: Mapping[str, Any], key: str) -> frozenset[str]:
    """Return the words of a setting that holds a comma-separated list, in lower case; empty where it is not known."""
    value = str((configuration.get(field_of(key)) or {}).get("value") or "")
    return frozenset(word.strip().lower() for word in value.split(",") if word.strip())
