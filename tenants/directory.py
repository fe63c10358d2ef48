"""Tenants as the gateway sees them: read-only records, cached for a few seconds, read with the async driver."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from pymongo.asynchronous.database import AsyncDatabase

from tenants.clients import Document, async_client, async_database
from tenants.routing import database_name

# A change made in the admin (suspend, limits) reaches a running gateway within this many seconds.
CACHE_SECONDS = 5.0
# One whose database is being made is not there yet.
_READY = {"database_ready": {"$ne": False}}
_cache: dict[str, tuple[float, TenantRecord | None]] = {}
# Long texts that only a handshake needs.
_WITHOUT_LISTS = {"station_authorities": 0, "station_revocation_lists": 0}


@dataclass(frozen=True, slots=True)
class TenantRecord:
    """The facts about a tenant that the path of a frame needs."""

    slug: str
    database_name: str
    active: bool
    max_charge_points: int
    queue_enabled: bool
    mqtt_topic_prefix: str
    auto_register: bool
    min_security_profile: int
    default_heartbeat_interval: int
    auto_register_as: str = "accepted"
    boot_retry_interval: int = 60
    message_log: str = "off"
    message_log_days: int = 14
    organization: str = ""
    station_authorities: str = ""
    station_revocation_lists: str = ""

    @property
    def database(self) -> AsyncDatabase[Document]:
        """This tenant's database on the running event loop's client."""
        return async_database(self.database_name)


def _record(document: dict[str, Any]) -> TenantRecord:
    # The driver reads 64-bit numbers as `Int64`, which the schema validator does not take for an integer.
    slug = document["_id"]
    return TenantRecord(
        slug=slug,
        database_name=database_name(slug),
        active=document["status"] == "active",
        max_charge_points=int(document["max_charge_points"]),
        queue_enabled=document["queue_enabled"],
        mqtt_topic_prefix=document["mqtt_topic_prefix"],
        auto_register=document["auto_register"],
        min_security_profile=int(document["min_security_profile"]),
        default_heartbeat_interval=int(document["default_heartbeat_interval"]),
        auto_register_as=document.get("auto_register_as", "accepted"),
        boot_retry_interval=int(document.get("boot_retry_interval", 60)),
        message_log=document["message_log"],
        message_log_days=int(document["message_log_days"]),
        organization=document.get("organization", ""),
        station_authorities=document.get("station_authorities", ""),
        station_revocation_lists=document.get("station_revocation_lists", ""),
    )


async def find_tenant(slug: str) -> TenantRecord | None:
    """Return the tenant, or None if there is none of this slug; at most `CACHE_SECONDS` old."""
    cached = _cache.get(slug)
    now = time.monotonic()
    # A suspended one is looked up each time: its stations are to come back as soon as it is resumed.
    if cached is not None and now - cached[0] < CACHE_SECONDS and (cached[1] is None or cached[1].active):
        return cached[1]
    tenants = async_client()[settings.MONGODB_GLOBAL_DATABASE]["tenants"]
    document = await tenants.find_one({"_id": slug, **_READY})
    record = None if document is None else _record(document)
    if record is not None or len(_cache) < 10_000:  # made-up slugs must not fill the memory
        _cache[slug] = (now, record)
    return record


async def all_tenants() -> list[TenantRecord]:
    """Return every tenant as it is stored now, suspended ones too; without its stations' authorities."""
    tenants = async_client()[settings.MONGODB_GLOBAL_DATABASE]["tenants"]
    return [_record(document) async for document in tenants.find(_READY, projection=_WITHOUT_LISTS)]


async def station_authorities() -> list[str]:
    """Return the authorities of all active tenants' stations, in PEM, as they are stored now."""
    return await _authorities({"status": "active"})


async def authorities_of_others(slug: str) -> list[str]:
    """Return the authorities of all tenants' stations but one's, in PEM, as they are stored now."""
    return await _authorities({"_id": {"$ne": slug}})


async def _authorities(some: Document) -> list[str]:
    tenants = async_client()[settings.MONGODB_GLOBAL_DATABASE]["tenants"]
    found = tenants.find(some | {"station_authorities": {"$nin": ["", None]}}, projection=["station_authorities"])
    return [document["station_authorities"] async for document in found]


def forget_tenant(slug: str) -> None:
    """Have the next look at a tenant read the database."""
    _cache.pop(slug, None)


def forget_tenants() -> None:
    """Drop the cache, so that the next look reads the database."""
    _cache.clear()
