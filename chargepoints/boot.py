"""A station reports for duty: what it is, and whether it may work."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from chargepoints.connection import CHARGE_POINTS
from chargepoints.models import Registration
from chargepoints.security_events import Noticed, record_noticed
from chargepoints.station import StaleConnection, Station
from events.facts import charge_point_booted
from tenants.clients import Document
from tenants.group_commit import NothingMatched
from tenants.grouped_reads import grouped_reads

# A station that drops each connection on which it is asked what follows from its boot is let alone in the end.
SETUP_TRIES = 10
# What is a station's own for as long as it lives.
_NAMEPLATE = ("vendor", "model", "serial_number")


@dataclass(frozen=True, slots=True, kw_only=True)
class BootFacts:
    """What a station tells of itself when it boots; empty where it is silent."""

    vendor: str
    model: str
    serial_number: str = ""
    firmware_version: str = ""
    iccid: str = ""
    imsi: str = ""
    meter_type: str = ""
    meter_serial_number: str = ""

    def as_document(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


async def record_boot(station: Station, boot: BootFacts, now: datetime) -> tuple[Registration, int]:
    """Store and announce a boot; return the registration and an interval in seconds.

    The interval is that of heartbeats for an accepted station, else the wait before the next BootNotification
    (OCPP 1.6 §4.2).
    """
    if _is_not_the_certificates(station, boot):
        return await _reject_other(station, boot, now)
    reads = grouped_reads(station.tenant, CHARGE_POINTS, projection=("registration", *_NAMEPLATE))
    stored = await reads.find_one(station.id)
    registration = Registration(stored["registration"] if stored else Registration.REJECTED)
    accepted = registration is Registration.ACCEPTED
    change = boot.as_document()
    if accepted:
        change |= {"booted_at": now, "setup_tries": SETUP_TRIES}
    if not station.boot_triggered:
        change["reboot_pending"] = {}
    if stored is not None and _is_another(stored, boot):
        # What its predecessor was set to and given is not in it.
        change |= {"configuration": {}, "charging_profiles": [], "root_certificate_at": None}
    unit = station.unit_of_work()
    station.fence(unit, now)
    unit.update(CHARGE_POINTS, {"_id": station.id}, {"$set": change})
    _remember(station, boot, registration, now)
    station.announce(unit, charge_point_booted, now, {**boot.as_document(), "registration": registration.value})
    station.announce_status(unit, now)
    try:
        await unit.commit()
    except NothingMatched:
        raise StaleConnection(station.id) from None
    station.booted = station.booted or accepted
    station.setup_due = station.setup_due or accepted
    station.told_pending = registration is Registration.PENDING
    tenant = station.tenant
    return registration, tenant.default_heartbeat_interval if accepted else tenant.boot_retry_interval


def _is_not_the_certificates(station: Station, boot: BootFacts) -> bool:
    """Return whether a station names another serial number than the certificate that it has logged in with.

    OCPP 1.6 security white paper, A00: the certificate's common name is the serial number. One in the name of the
    identity says nothing of it.
    """
    name = station.certificate_name
    return bool(name and boot.serial_number) and name not in (station.id, boot.serial_number)


async def _reject_other(station: Station, boot: BootFacts, now: datetime) -> tuple[Registration, int]:
    """Reject a boot for this connection, and store nothing of what it says."""
    station.registration = Registration.REJECTED.value
    text = f"its certificate is that of {station.certificate_name!r}, its BootNotification of {boot.serial_number!r}"
    await record_noticed(station, Noticed.OTHER_SERIAL_NUMBER, text, now, occasion=station.epoch)
    return Registration.REJECTED, station.tenant.boot_retry_interval


def _is_another(stored: Document, boot: BootFacts) -> bool:
    """Return whether the station has been replaced by another one of the same identity."""
    said = {name: getattr(boot, name) for name in _NAMEPLATE}
    return any(stored.get(name) and value and stored[name] != value for name, value in said.items())


def _remember(station: Station, boot: BootFacts, registration: Registration, now: datetime) -> None:
    station.registration = registration.value
    for name in ("vendor", "model", "serial_number", "firmware_version"):
        station.facts[name] = getattr(boot, name)
    if registration is Registration.ACCEPTED:
        station.facts["booted_at"] = now


async def note_set_up(station: Station) -> None:
    """Store that a station has answered to all that follows from its boot, unless a newer connection owns it."""
    station.setup_due = False
    owned = {"_id": station.id, "epoch": station.epoch}
    await station.tenant.database[CHARGE_POINTS].update_one(owned, {"$set": {"setup_tries": 0}})
