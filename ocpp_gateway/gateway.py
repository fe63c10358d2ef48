"""What one process knows of its stations: the sockets it holds, and the state it shares with other instances."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import structlog
from django.conf import settings

from chargepoints import connection as station_connection
from chargepoints.station import Station
from csms.errors import StorageUnavailable
from csms.lifecycle import background, on_shutdown
from ocpp_gateway.connection import POLICY_VIOLATION, SERVICE_RESTART, Connection
from ocpp_gateway.mailbox import Mailbox, MemoryMailbox
from ocpp_gateway.pending import MemoryPendingCalls, PendingCalls
from ocpp_gateway.presence import MemoryPresence, Owner, Presence
from tenants.clients import close_async_client
from tenants.coalesced_writes import coalesced_writes
from tenants.unit_of_work import flush_commits

# Sockets are closed this many at a time when the process ends, so that their stations do not all come back at once.
SLICE = 50
SLICE_PAUSE_SECONDS = 0.05
# The order in which a process ends: sockets first, then what they have written, then the database client.
_CLOSE_SOCKETS, _FLUSH, _CLOSE_CLIENT = 10, 20, 30

log = structlog.get_logger(__name__)


class Gateway:
    """The stations of one process."""

    def __init__(self) -> None:
        self.instance: str = settings.CSMS_INSTANCE_ID
        self.presence: Presence = MemoryPresence()
        self.pending: PendingCalls = MemoryPendingCalls()
        self.mailbox: Mailbox = MemoryMailbox()
        self.connections: dict[tuple[str, str], Connection] = {}
        self.draining = False
        self._ready: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Prepare the process before its first socket; later calls return at once."""
        if self._ready is None:
            self._ready = background(self._prepare(), "gateway_start")
        ready = self._ready
        await asyncio.shield(ready)

    async def _prepare(self) -> None:
        on_shutdown("close sockets", _CLOSE_SOCKETS, self.drain)
        on_shutdown("flush commits", _FLUSH, _flush)
        on_shutdown("close database client", _CLOSE_CLIENT, close_async_client)
        try:
            cleared = await station_connection.forget_connections(self.instance)
        except BaseException:
            self._ready = None  # the next socket tries again
            raise
        if cleared:
            log.info("stale_connections_cleared", instance=self.instance, stations=cleared)

    async def opened(self, connection: Connection) -> None:
        """Make a socket the owner of its station; the socket that held it before is closed."""
        station = connection.station
        key = (station.tenant.slug, station.id)
        replaced = self.connections.get(key)
        self.connections[key] = connection
        await self.presence.claim(
            Owner(
                tenant=station.tenant.slug,
                station=station.id,
                instance=self.instance,
                epoch=station.epoch,
                ocpp_version=connection.version.number,
                since=datetime.now(UTC),
            )
        )
        if replaced is not None:
            background(replaced.close(POLICY_VIOLATION, "replaced by a newer connection"), "close_replaced")
        background(_announce(station), "announce_connected")

    async def closed(self, connection: Connection, reason: str) -> None:
        """Let go of a station, unless a newer socket owns it."""
        station = connection.station
        key = (station.tenant.slug, station.id)
        connection.lost()
        if self.connections.get(key) is connection:
            del self.connections[key]
        await self.presence.release(station.tenant.slug, station.id, station.epoch)
        await connection.drain()
        try:
            await station_connection.release(station, datetime.now(UTC), reason=reason)
        except StorageUnavailable:
            log.warning("offline_not_stored", tenant=station.tenant.slug, station=station.id)

    async def drain(self) -> None:
        """Answer what has been read and close every socket with 1012, some at a time."""
        self.draining = True
        connections = list(self.connections.values())
        for start in range(0, len(connections), SLICE):
            await asyncio.gather(*(_finish(connection) for connection in connections[start : start + SLICE]))
            await asyncio.sleep(SLICE_PAUSE_SECONDS)


async def _finish(connection: Connection) -> None:
    await connection.drain()
    await connection.close(SERVICE_RESTART, "this server restarts, please reconnect")


async def _announce(station: Station) -> None:
    try:
        await station_connection.announce_connected(station, datetime.now(UTC))
    except StorageUnavailable:
        log.warning("connected_not_announced", tenant=station.tenant.slug, station=station.id)


async def _flush() -> None:
    await flush_commits()
    await coalesced_writes().flush()


_gateways: dict[asyncio.AbstractEventLoop, Gateway] = {}


def gateway() -> Gateway:
    """Return the gateway of the running event loop; a process that serves has exactly one."""
    loop = asyncio.get_running_loop()
    found = _gateways.get(loop)
    if found is None:
        found = _gateways[loop] = Gateway()
    return found
