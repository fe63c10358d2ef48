"""Raising a station's security profile over its connection (OCPP 1.6 security white paper, A05): up, never down again.

The station takes a higher profile with a ChangeConfiguration and comes back with it. Until it does, it may come with
the old one, too: the new one may not work where it is. From its first connection with the new one on, only that counts.
"""

from __future__ import annotations

from datetime import datetime

from chargepoints.connection import CHARGE_POINTS
from chargepoints.models import ChargePoint
from chargepoints.station import Station
from tenants.clients import Document
from tenants.unit_of_work import UnitOfWork

KEY = "SecurityProfile"
PROFILES = ("1", "2", "3")


def is_profile(key: str) -> bool:
    """Return whether a setting is the security profile; stations do not look at capitals."""
    return key.lower() == KEY.lower()


def why_not(station: ChargePoint, value: str) -> str:
    """Return why a station must not be asked to use a profile; empty if it may."""
    if value not in PROFILES:
        return f"{KEY} is 1, 2 or 3"
    if int(value) < station.security_profile:
        return (
            f"this station has security profile {station.security_profile}: a connection never lowers it. If somebody"
            " has set it back at the station itself, change `security_profile` of the charge point"
        )
    if int(value) > 1 and station.root_certificate_at is None:
        return (
            "this station is not known to have a root certificate to check this server with, and would not come back:"
            " send install-certificate, or get-installed-certificate-ids, with `use` central_system first"
        )
    return ""


def expect_profile(unit: UnitOfWork, station: Station, value: str) -> None:
    """Add to a unit of work that a station has taken a profile and will come back with it."""
    profile = int(value)
    higher = {"_id": station.id, "security_profile": {"$lt": profile}}
    unit.update(CHARGE_POINTS, higher, {"$set": {"security_profile_next": profile}})


async def raise_profile(station: Station, profile: int) -> bool:
    """Store that a station has come with the higher profile that it has taken; return whether that is news."""
    query = {"_id": station.id, "security_profile_next": profile, "security_profile": {"$lt": profile}}
    change = {"$set": {"security_profile": profile, "security_profile_next": None}}
    return (await station.tenant.database[CHARGE_POINTS].update_one(query, change)).modified_count > 0


def record_root(unit: UnitOfWork, station: Station, at: datetime | None) -> None:
    """Add to a unit of work that a station has a root certificate for this server, or that nobody knows any more."""
    unit.update(CHARGE_POINTS, {"_id": station.id}, {"$set": {"root_certificate_at": at}})


def due_profile(stored: Document, proven: int) -> int:
    """Return the profile that a station has taken and now comes with, 0 if there is none."""
    due, present = (int(stored.get(name) or 0) for name in ("security_profile_next", "security_profile"))
    return due if present < due <= proven else 0
