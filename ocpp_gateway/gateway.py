"""What one process knows of its stations: the sockets it holds, and what it does for other instances."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import structlog
from django.conf import settings
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from chargepoints import connection as station_connection
from chargepoints.commands import find_command
from chargepoints.station import Station
from csms.errors import StorageUnavailable
from csms.lifecycle import background, on_shutdown
from ocpp_gateway import after_boot
from ocpp_gateway.connection import POLICY_VIOLATION, SERVICE_RESTART, Connection, Socket
from ocpp_gateway.dispatch import Dispatcher, Pump
from ocpp_gateway.follow_up import store_new
from ocpp_gateway.instances import Instances
from ocpp_gateway.mailbox import Letter, MailboxFull
from ocpp_gateway.presence import Owner, StaleEpoch
from ocpp_gateway.protocol.versions import OcppVersion
from ocpp_gateway.pulse import Pulse
from ocpp_gateway.state import shared_state
from ocpp_gateway.waiters import Waiters
from tenants.clients import Document, close_async_client
from tenants.coalesced_writes import coalesced_writes
from tenants.directory import find_tenant
from tenants.unit_of_work import flush_commits

# Sockets are closed this many at a time when the process ends, so that their stations do not all come back at once.
SLICE = 50
SLICE_PAUSE_SECONDS = 0.05
# How long the stations' answers to commands under way are waited for then.
LAST_ANSWER_SECONDS = 5.0
# The order in which a process ends: sockets first, then what they have written, then the database client.
_CLOSE_SOCKETS, _FLUSH, _LEAVE, _CLOSE_CLIENT = 10, 20, 25, 30
_REPLACED = "replaced by a newer connection"

log = structlog.get_logger(__name__)


class Gateway:
    """The stations of one process."""

    def __init__(self) -> None:
        self.instance: str = settings.CSMS_INSTANCE_ID
        state = shared_state()
        self.presence, self.pending, self.mailbox = state.presence, state.pending, state.mailbox
        self.connections: dict[tuple[str, str], Connection] = {}
        self.pumps: dict[tuple[str, str], Pump] = {}
        self.dispatcher = Dispatcher(self)
        self.waiters = Waiters()
        self.draining = False
        self._instances = Instances(self, state.leases)
        self._pulse = Pulse(self._instances.close_stale)
        self._ready: asyncio.Task[None] | None = None

    # -- The process -----------------------------------------------------------------------------

    async def start(self) -> None:
        """Prepare the process before its first socket or command; later calls return at once."""
        if self._ready is None:
            self._ready = background(self._prepare(), "gateway_start")
        await asyncio.shield(self._ready)

    async def _prepare(self) -> None:
        try:
            cleared = await station_connection.forget_connections(self.instance)
        except BaseException:
            self._ready = None  # the next socket tries again
            raise
        if cleared:
            log.info("stale_connections_cleared", instance=self.instance, stations=cleared)
        await self.mailbox.open(self.instance, self.take_letter)
        await self._instances.join()
        background(self._pulse.beat(), "pulse")
        on_shutdown("close sockets", _CLOSE_SOCKETS, self.drain)
        on_shutdown("flush commits", _FLUSH, _flush)
        on_shutdown("leave the instances", _LEAVE, self._leave)
        on_shutdown("close database client", _CLOSE_CLIENT, close_async_client)

    async def drain(self) -> None:
        """Answer what has been read and close every socket with 1012, some at a time."""
        self.draining = True
        for pump in self.pumps.values():
            pump.stopping = True
        open_sockets = [(self.connections[key], self.pumps[key]) for key in list(self.connections)]
        last_answer = time.monotonic() + LAST_ANSWER_SECONDS
        for start in range(0, len(open_sockets), SLICE):
            seconds = max(0.0, last_answer - time.monotonic())
            await asyncio.gather(*(_finish(*pair, seconds) for pair in open_sockets[start : start + SLICE]))
            await asyncio.sleep(SLICE_PAUSE_SECONDS)

    async def _leave(self) -> None:
        await self._instances.leave()
        await self.mailbox.close(self.instance)

    # -- Sockets -----------------------------------------------------------------------------------

    async def opened(self, station: Station, version: OcppVersion, socket: Socket) -> Connection:
        """Make a socket the owner of its station and return its connection; the one before is closed.

        Raises:
            StaleEpoch: a newer socket owns the station already.
        """
        key = (station.tenant.slug, station.id)
        before = self.connections.get(key)
        if before is not None and before.station.epoch > station.epoch:
            raise StaleEpoch(station.id)
        connection = Connection(station, version, socket, pulse=self._pulse)
        pump = Pump(connection, self.pending, self.command_ended)
        connection.on_booted = lambda: self._booted(connection, pump)
        connection.on_unexpected_answer = pump.late_answer
        self.connections[key], self.pumps[key] = connection, pump
        if before is not None:
            background(before.close(POLICY_VIOLATION, _REPLACED), "close_replaced")
        try:
            owner_before = await self._instances.claim(self.owner_of(connection))
        except StaleEpoch:
            self._forget(connection)
            raise
        if owner_before is not None and owner_before.instance != self.instance:
            background(self._evict(owner_before, station.epoch), "evict")
        background(self._begin(connection, pump), "begin_connection")
        return connection

    def owner_of(self, connection: Connection) -> Owner:
        """Return a connection as presence knows it."""
        station = connection.station
        return Owner(
            tenant=station.tenant.slug,
            station=station.id,
            instance=self.instance,
            epoch=station.epoch,
            ocpp_version=connection.version.number,
            since=connection.since,
        )

    async def _begin(self, connection: Connection, pump: Pump) -> None:
        station = connection.station
        try:
            await station_connection.announce_connected(station, datetime.now(UTC))
        except StorageUnavailable:
            log.warning("connected_not_announced", tenant=station.tenant.slug, station=station.id)
        pump.start()

    def _booted(self, connection: Connection, pump: Pump) -> None:
        if connection.station.may_work:
            background(self._after_boot(connection, pump), "after_boot")

    async def _after_boot(self, connection: Connection, pump: Pump) -> None:
        """Ask a station that has restarted for what it may have changed or lost; its waiting commands come first."""
        try:
            for routine in after_boot.ROUTINES:
                await store_new(connection.station, await routine(connection.station, connection.version))
        except (StorageUnavailable, PyMongoError) as error:
            log.warning("after_boot_skipped", station=connection.station.id, error=str(error))
        pump.start()

    async def _evict(self, owner: Owner, epoch: int) -> None:
        """Have the instance that held the station before close its socket."""
        letter = {"kind": "evict", "tenant": owner.tenant, "station": owner.station, "epoch": epoch}
        try:
            await self.mailbox.send(owner.instance, letter)
        except (RedisError, OSError, MailboxFull) as error:
            # Its socket is dead or will notice at its next fenced write.
            log.warning("not_evicted", station=owner.station, instance=owner.instance, error=str(error))

    async def closed(self, connection: Connection, reason: str) -> None:
        """Let go of a station, unless a newer socket owns it."""
        station = connection.station
        connection.lost()
        self._forget(connection)
        await self._instances.release(station.tenant.slug, station.id, station.epoch)
        await connection.drain()
        try:
            await station_connection.release(station, datetime.now(UTC), reason=reason)
        except StorageUnavailable:
            log.warning("offline_not_stored", tenant=station.tenant.slug, station=station.id)

    def _forget(self, connection: Connection) -> None:
        key = (connection.station.tenant.slug, connection.station.id)
        if self.connections.get(key) is connection:
            del self.connections[key], self.pumps[key]

    # -- Letters -----------------------------------------------------------------------------------

    async def take_letter(self, letter: Letter) -> None:
        """Do what another instance asks; returns soon, the work goes on in the background."""
        tenant, kind = letter["tenant"], letter["kind"]
        if kind == "commands":
            pump = self.pumps.get((tenant, letter["station"]))
            if pump is not None:
                pump.start()
        elif kind == "ended":
            self.waiters.wake(tenant, letter["command_id"])
        elif kind == "evict":
            connection = self.connections.get((tenant, letter["station"]))
            if connection is not None and connection.station.epoch < letter["epoch"]:
                background(connection.close(POLICY_VIOLATION, _REPLACED), "close_replaced")
        elif kind == "cancel":
            background(self._cancel(tenant, letter["command_id"]), "cancel")

    async def _cancel(self, slug: str, command_id: str) -> None:
        tenant = await find_tenant(slug)
        command = await find_command(tenant, command_id) if tenant else None
        if tenant is not None and command is not None:
            await self.dispatcher.cancel(tenant, command)

    def command_ended(self, tenant: str, command: Document) -> None:
        """Wake whoever waits for a command, here or at the instance that took it in."""
        reply_to = command["reply_to"]
        if reply_to == self.instance:
            self.waiters.wake(tenant, command["_id"])
        elif reply_to:
            background(self._tell_ended(tenant, reply_to, command["_id"]), "tell_ended")

    async def _tell_ended(self, tenant: str, instance: str, command_id: str) -> None:
        try:
            await self.mailbox.send(instance, {"kind": "ended", "tenant": tenant, "command_id": command_id})
        except (RedisError, OSError, MailboxFull) as error:
            log.info("waiter_not_told", instance=instance, error=str(error))  # it looks for itself once a second


async def _finish(connection: Connection, pump: Pump, seconds: float) -> None:
    await asyncio.gather(connection.drain(), pump.stop(seconds))
    await connection.close(SERVICE_RESTART, "this server restarts, please reconnect")


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
