"""Sockets whose right to be there has ended: found by each instance among its own, and closed.

Nobody has to tell: whatever is changed, wherever, and by whom, the next look finds it, so no change can be missed.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import UTC, datetime
from itertools import count
from typing import Protocol

import structlog
from django.conf import settings
from pymongo.errors import PyMongoError

from chargepoints.connection import find_all_credentials
from chargepoints.security_events import Noticed
from csms.lifecycle import background
from ocpp_gateway.connection import Connection
from ocpp_gateway.entitlement import DELETED, Ended, renewed
from ocpp_gateway.farewell import in_slices, say_goodbye
from ocpp_gateway.limits.gate import Gate
from tenants.clients import Document
from tenants.directory import TenantRecord, find_tenant

# Each look, one per HOUSEKEEPING_INTERVAL, is at one of so many parts of the sockets, in turn. 10,000 sockets take
# 0.2 s of CPU for all of them, mostly in the driver.
TURNS = 3
# As many stations are read with one query; after each the event loop has its turn.
GROUP = 100

TENANT_DELETED = "this tenant was deleted"

log = structlog.get_logger(__name__)


class Host(Protocol):
    """What this needs of the gateway."""

    connections: dict[tuple[str, str], Connection]
    gate: Gate


class Expulsions:
    """Looks after the sockets of one process."""

    def __init__(self, here: Host) -> None:
        self._here = here
        # Being closed: why.
        self._ended: dict[Connection, str] = {}

    async def look_for_ever(self) -> None:
        """Look at a part of the sockets, for ever; what fails is tried again at their next turn."""
        for turn in count():
            await asyncio.sleep(settings.HOUSEKEEPING_INTERVAL)
            for slug, connections in self._part(turn % TURNS).items():
                try:
                    await self._look_at(slug, connections)
                except PyMongoError as error:
                    log.warning("entitlements_not_looked_at", tenant=slug, error=str(error))

    def _part(self, turn: int) -> dict[str, list[Connection]]:
        """Return the connections whose turn it is by tenant."""
        part: dict[str, list[Connection]] = defaultdict(list)
        for (slug, _), connection in self._here.connections.items():
            if connection.station.epoch % TURNS == turn and connection not in self._ended:
                part[slug].append(connection)
        return part

    async def _look_at(self, slug: str, connections: list[Connection]) -> None:
        tenant = await find_tenant(slug)
        if tenant is None:
            # What it went on writing would make the database of a deleted tenant again.
            self._ended |= dict.fromkeys(connections, TENANT_DELETED)
            background(self._expel(connections), "expel")
            return
        ended: list[Connection] = []
        try:
            for start in range(0, len(connections), GROUP):
                group = connections[start : start + GROUP]
                stored = await find_all_credentials(tenant, [one.station.id for one in group])
                now = datetime.now(UTC)
                ended += [one for one in group if self._has_ended(one, tenant, stored.get(one.station.id), now)]
        finally:
            if ended:
                background(self._expel(ended), "expel")

    def _has_ended(self, connection: Connection, tenant: TenantRecord, stored: Document | None, now: datetime) -> bool:
        had, identity = connection.entitlement, connection.station.id
        if had is None or connection.is_closing():
            return False  # it is not open yet, or not any more
        try:
            connection.entitlement = renewed(had, tenant, identity, stored, now)
        except Ended as ended:
            self._ended[connection] = str(ended)
            return True
        return False

    async def _expel(self, connections: list[Connection]) -> None:
        try:
            await in_slices(connections, self._farewell)
        finally:
            for connection in connections:
                del self._ended[connection]

    async def _farewell(self, connection: Connection) -> None:
        tenant, identity, reason = connection.station.tenant.slug, connection.station.id, self._ended[connection]
        log.warning("station_expelled", tenant=tenant, station=identity, address=connection.address, reason=reason)
        if reason not in {DELETED, TENANT_DELETED}:
            text = f"{reason}; it was connected from {connection.address}"
            self._here.gate.reports.report(tenant, identity, Noticed.EXPELLED, text)
        await say_goodbye(connection, reason)
