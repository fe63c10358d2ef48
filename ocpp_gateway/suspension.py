"""Stations of a tenant that is suspended: disconnected some at a time, those that charge when they have finished.

The session that runs was promised to a driver, and what its station stores of it while it is offline may never come.
So a station keeps its socket until its sessions have ended, for `TENANT_SUSPEND_GRACE` at most; nobody begins another
one meanwhile. Each instance looks after its own sockets, and none comes in any more (`ocpp_gateway.handshake`).
"""

from __future__ import annotations

import time
from datetime import datetime

import structlog
from django.conf import settings

from csms.lifecycle import background
from ocpp_gateway.connection import Connection
from ocpp_gateway.farewell import in_slices, say_goodbye
from ocpp_gateway.housekeeping import Host
from sessions_app.authorization import SESSIONS
from tenants.directory import TenantRecord, forget_tenant
from tenants.suspension import announce_status

REASON = "this tenant is suspended"

log = structlog.get_logger(__name__)


class Suspensions:
    """What one process knows of suspended tenants; `follow` is a routine of housekeeping."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._announced: dict[str, bool] = {}
        self._closing: set[str] = set()

    async def follow(self, here: Host, tenant: TenantRecord, now: datetime) -> None:
        """Do what follows from a tenant's status."""
        if self._announced.get(tenant.slug) is not tenant.active:
            forget_tenant(tenant.slug)  # so that no handshake goes by what was
            await announce_status(tenant, now)
            self._announced[tenant.slug] = tenant.active
        if not tenant.active:
            await self._disconnect(here, tenant)
        elif self._since.pop(tenant.slug, None) is not None:
            _tell(_connections(here, tenant), tenant)

    async def _disconnect(self, here: Host, tenant: TenantRecord) -> None:
        since = self._since.setdefault(tenant.slug, time.monotonic())
        connections = _connections(here, tenant)
        if not connections or tenant.slug in self._closing:
            return
        _tell(connections, tenant)
        if time.monotonic() - since < settings.TENANT_SUSPEND_GRACE:
            charging = await _charging(tenant, connections)
            connections = [one for one in connections if one.station.id not in charging]
        if connections:
            self._closing.add(tenant.slug)
            background(self._close(tenant.slug, connections), "disconnect_suspended")

    async def _close(self, slug: str, connections: list[Connection]) -> None:
        log.info("suspended_stations_disconnected", tenant=slug, stations=len(connections))
        try:
            await in_slices(connections, _farewell)
        finally:
            self._closing.discard(slug)


def _connections(here: Host, tenant: TenantRecord) -> list[Connection]:
    return [one for (slug, _), one in here.connections.items() if slug == tenant.slug]


def _tell(connections: list[Connection], tenant: TenantRecord) -> None:
    """Let the stations' messages see the tenant as it is now: from here on its tags are blocked, or not any more."""
    for connection in connections:
        connection.station.tenant = tenant


async def _charging(tenant: TenantRecord, connections: list[Connection]) -> set[str]:
    ids = [connection.station.id for connection in connections]
    query = {"status": "active", "charge_point_id": {"$in": ids}}
    return set(await tenant.database[SESSIONS].distinct("charge_point_id", query))


async def _farewell(connection: Connection) -> None:
    if not connection.station.tenant.active:  # else it was resumed while others were closed
        await say_goodbye(connection, REASON)
