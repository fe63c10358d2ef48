"""A station comes and goes: finding it, claiming it for a socket, letting go of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pymongo import ReturnDocument

from chargepoints.station import Station
from events.facts import charge_point_connected, charge_point_disconnected
from tenants.clients import Document
from tenants.directory import TenantRecord
from tenants.group_commit import NothingMatched
from tenants.grouped_reads import grouped_reads

CHARGE_POINTS = "charge_points"
CONNECTORS = "connectors"
# So many addresses a station was let in from are remembered: a home line gets a new one each night.
KNOWN_ADDRESSES = 8
_CREDENTIALS = (
    "created_at",
    "credential_hash",
    "credential_next",
    "credential_set_at",
    "security_profile",
    "security_profile_next",
    "serial_number",
    "revoked_certificates",
    "known_addresses",
)
_BOOT_FACTS = ("vendor", "model", "serial_number", "firmware_version", "ocpp_version", "booted_at")


_ONE_TRY_LESS = {"setup_tries": {"$max": [0, {"$subtract": [{"$ifNull": ["$setup_tries", 0]}, 1]}]}}


class StationGone(Exception):
    """The station was deleted between its authentication and its claim."""


async def find_credentials(tenant: TenantRecord, identity: str) -> Document | None:
    """Return what is needed to let a station in, or None if the tenant has no such station."""
    return await grouped_reads(tenant, CHARGE_POINTS, projection=_CREDENTIALS).find_one(identity)


async def find_all_credentials(tenant: TenantRecord, identities: list[str]) -> dict[str, Document]:
    """Return what `find_credentials` does, of many stations with one query; those that there are not are missing."""
    found = tenant.database[CHARGE_POINTS].find({"_id": {"$in": identities}}, projection=list(_CREDENTIALS))
    return {document["_id"]: document async for document in found}


async def claim(
    tenant: TenantRecord, identity: str, *, instance: str, ocpp_version: str, now: datetime, address: str = ""
) -> Station:
    """Make a new socket the owner of a station and return the station with its new epoch.

    The epoch rises in MongoDB, so the newest claim wins over any number of instances, and survives them.

    Raises:
        StationGone: there is no such station any more.
    """
    connected = {"instance": instance, "since": now.isoformat().replace("+00:00", "Z"), "address": address}
    # A pipeline update, because the new epoch is stored twice: as the counter and as the owner's.
    document = await tenant.database[CHARGE_POINTS].find_one_and_update(
        {"_id": identity},
        [
            {"$set": {"epoch": {"$add": ["$epoch", 1]}, "ocpp_version": ocpp_version, "last_seen": now}},
            {"$set": {"connected": {**connected, "epoch": "$epoch"}, **_with_known(address), **_ONE_TRY_LESS}},
        ],
        return_document=ReturnDocument.AFTER,
    )
    if document is None:
        raise StationGone(identity)
    return station_of(tenant, document, await _connectors(tenant, identity))


def _with_known(address: str) -> Document:
    """Return the part of a pipeline that puts an address in front of those a station was let in from."""
    if not address:
        return {}
    others = {"$filter": {"input": {"$ifNull": ["$known_addresses", []]}, "cond": {"$ne": ["$$this", address]}}}
    return {"known_addresses": {"$slice": [{"$concatArrays": [[address], others]}, KNOWN_ADDRESSES]}}


async def _connectors(tenant: TenantRecord, identity: str) -> list[Document]:
    return await grouped_reads(tenant, CONNECTORS, field="charge_point_id").find(identity)


def connector_state(document: Document) -> dict[str, Any]:
    """Return a connector as the retained status shows it."""
    return {
        "evse_id": document["evse_id"],
        "connector_id": document["connector_id"],
        "status": document["status"],
        "error_code": document["error_code"],
        "updated_at": document["updated_at"],
    }


def station_of(tenant: TenantRecord, document: Document, connectors: list[Document]) -> Station:
    """Return a stored charge point as a station of its present epoch."""
    return Station(
        tenant=tenant,
        id=document["_id"],
        epoch=document["epoch"],
        ocpp_version=document["ocpp_version"],
        registration=document["registration"],
        booted=document["booted_at"] is not None,
        status=document["status"],
        connectors={(c["evse_id"], c["connector_id"]): connector_state(c) for c in connectors},
        facts={name: document[name] for name in _BOOT_FACTS},
        setup_due=document.get("setup_tries", 0) > 0,
    )


async def announce_connected(station: Station, now: datetime) -> bool:
    """Store and announce that the station is connected, unless a newer connection owns it; return whether it was so."""
    unit = station.unit_of_work()
    station.fence(unit, now)
    station.announce(unit, charge_point_connected, now, {"ocpp_version": station.ocpp_version})
    station.announce_status(unit, now)
    try:
        await unit.commit()
    except NothingMatched:
        return False
    return True


async def release(station: Station, now: datetime, *, reason: str) -> bool:
    """Store and announce that the station is offline, unless a newer connection owns it; return whether it was so."""
    station.connected = False
    unit = station.unit_of_work()
    unit.update(
        CHARGE_POINTS,
        {"_id": station.id, "connected.epoch": station.epoch},
        {"$set": {"connected": None, "last_seen": now}},
        must_match=True,
    )
    station.announce(unit, charge_point_disconnected, now, {"reason": reason})
    station.announce_status(unit, now)
    try:
        await unit.commit()
    except NothingMatched:
        return False
    return True
