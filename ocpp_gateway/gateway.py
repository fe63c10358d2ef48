"""What one process knows of its stations: the sockets it holds, and what it does for other instances."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime

import structlog
from django.conf import settings
from pymongo.errors import PyMongoError

from chargepoints import connection as station_connection
from chargepoints.commands import end_command, open_commands
from chargepoints.models import CommandState
from chargepoints.offline import NOT_KEPT
from chargepoints.station import Station
from csms.errors import StorageUnavailable
from csms.lifecycle import background, on_shutdown
from ocpp_gateway import after_boot, local_list_upkeep, overdue, reservation_expiry
from ocpp_gateway.commands import effect_of
from ocpp_gateway.connection import POLICY_VIOLATION, SERVICE_RESTART, Connection, Socket
from ocpp_gateway.dispatch import Dispatcher
from ocpp_gateway.expulsion import Expulsions
from ocpp_gateway.follow_up import store_new
from ocpp_gateway.housekeeping import Housekeeping
from ocpp_gateway.instances import Instances
from ocpp_gateway.letters import REPLACED, Letters
from ocpp_gateway.limits.gate import Gate
from ocpp_gateway.mailbox import Letter
from ocpp_gateway.message_log import MessageLog
from ocpp_gateway.presence import Owner, StaleEpoch
from ocpp_gateway.protocol.versions import OcppVersion
from ocpp_gateway.pulse import Pulse
from ocpp_gateway.pump import STORAGE_PAUSE_SECONDS, Pump
from ocpp_gateway.state import shared_state
from ocpp_gateway.suspension import Suspensions
from ocpp_gateway.tallies import COMMANDS
from ocpp_gateway.topic_prefix import TopicPrefixes
from ocpp_gateway.waiters import Waiters
from tenants import abandoned_transactions
from tenants.clients import Document, close_async_client
from tenants.coalesced_writes import coalesced_writes
from tenants.unit_of_work import flush_commits

# Sockets are closed this many at a time when the process ends, so that their stations do not all come back at once.
SLICE = 50
SLICE_PAUSE_SECONDS = 0.05
# How long the stations' answers to commands under way are waited for then.
LAST_ANSWER_SECONDS = 5.0
# ... and how long for the last of what closed sockets leave behind to be stored.
LAST_FAREWELL_SECONDS = 5.0
# The order in which a process ends: sockets first, then what they have written, then the database client.
_CLOSE_SOCKETS, _FLUSH, _LEAVE, _CLOSE_CLIENT = 10, 20, 25, 30
# So many stations at a time are asked for their settings after a boot: a whole fleet may boot at once, and each
# conversation takes several KiB while it lasts. One that does not answer keeps its place for a moment only.
AFTER_BOOT_AT_ONCE = 32
AFTER_BOOT_SECONDS = 1.0
# What becomes due without anybody's message.
TASKS = (overdue.TASK, reservation_expiry.TASK, local_list_upkeep.TASK)

log = structlog.get_logger(__name__)


class Gateway:
    """The stations of one process."""

    def __init__(self) -> None:
        self.instance: str = settings.CSMS_INSTANCE_ID
        state = shared_state()
        self.presence, self.pending, self.mailbox = state.presence, state.pending, state.mailbox
        self.connections: dict[tuple[str, str], Connection] = {}
        self.pumps: dict[tuple[str, str], Pump] = {}
        # Sockets of stations, until all that their end leads to is stored.
        self.open_sockets = 0
        self.dispatcher = Dispatcher(self)
        self.waiters = Waiters()
        self.messages = MessageLog()
        self.draining = False
        self._all_closed = asyncio.Event()
        self._after_boots = asyncio.Semaphore(AFTER_BOOT_AT_ONCE)
        self._letters = Letters(self)
        self._instances = Instances(self, state.leases)
        self.housekeeping = Housekeeping(self, TASKS, (Suspensions().follow, TopicPrefixes().follow))
        self._pulse = Pulse(self._instances.close_stale)
        self.gate = Gate.of(self, state.strikes, state.exchange)
        self._ready: asyncio.Task[None] | None = None
        self._tidying: asyncio.Task[None] | None = None

    # -- The process -----------------------------------------------------------------------------

    async def start(self) -> None:
        """Prepare the process before its first socket or command; later calls return at once."""
        if self._ready is None:
            self._ready = background(self._prepare(), "gateway_start")
        await asyncio.shield(self._ready)

    def start_soon(self) -> None:
        """Prepare the process in the background: it looks after other instances' stations even if none comes here."""
        if self._ready is None:
            background(self._try_to_start(), "gateway_start_soon")

    async def _try_to_start(self) -> None:
        try:
            await self.start()
        except PyMongoError as error:
            log.warning("gateway_not_prepared", error=str(error))  # the next request tries again

    async def _prepare(self) -> None:
        if self._tidying is None:
            # First of all: what a killed predecessor has left open may be in the way of all the rest.
            self._tidying = background(abandoned_transactions.look_for_ever(), "abandoned_transactions")
        try:
            await self._instances.join()
        except BaseException:
            self._ready = None  # the next socket tries again
            raise
        await self.mailbox.open(self.instance, self.take_letter)
        background(self._pulse.beat(), "pulse")
        background(self.messages.write_for_ever(), "message_log")
        background(self.messages.follow_tenants(self.connections), "message_log_modes")
        background(self.gate.sockets.exchange_for_ever(), "socket_counts")
        background(self.housekeeping.look_for_ever(), "housekeeping")
        background(Expulsions(self).look_for_ever(), "expulsions")
        on_shutdown("close sockets", _CLOSE_SOCKETS, self.drain)
        on_shutdown("flush commits", _FLUSH, _flush)
        on_shutdown("flush messages", _FLUSH, self.messages.flush)
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
        if self.open_sockets:
            self._all_closed.clear()  # there may have been a moment without sockets before
            with suppress(TimeoutError):  # what remains is for the other instances
                async with asyncio.timeout(LAST_FAREWELL_SECONDS):
                    await self._all_closed.wait()
        self.waiters.wake_all()

    async def _leave(self) -> None:
        await self._instances.leave(in_order=not self.open_sockets)
        await self.mailbox.close(self.instance)

    def is_draining(self) -> bool:
        """Return whether this process is about to end, and takes no more sockets."""
        return self.draining

    @property
    def redis_answers(self) -> bool:
        """Whether Redis answered when it was last asked."""
        return self._instances.reachable

    async def take_letter(self, letter: Letter) -> None:
        """Do what another instance asks; returns soon."""
        await self._letters.take(letter)

    def look_for_commands(self, station: Station) -> None:
        """Have a station's waiting commands sent, if it is connected here."""
        pump = self.pumps.get((station.tenant.slug, station.id))
        if pump is not None:
            pump.start()

    def command_ended(self, tenant: str, command: Document) -> None:
        """Wake whoever waits for a command, here or at the instance that took it in."""
        COMMANDS[command["state"]] += 1
        self._letters.ended(tenant, command)

    # -- Sockets -----------------------------------------------------------------------------------

    async def opened(self, station: Station, version: OcppVersion, socket: Socket, *, address: str = "") -> Connection:
        """Make a socket the owner of its station and return its connection; the one before is closed.

        Raises:
            StaleEpoch: a newer socket owns the station already.
        """
        key = (station.tenant.slug, station.id)
        before = self.connections.get(key)
        if before is not None and before.station.epoch > station.epoch:
            raise StaleEpoch(station.id)
        rates = self.gate.message_rates(station.tenant.slug)
        connection = Connection(station, version, socket, address=address, rates=rates, pulse=self._pulse)
        self.messages.attach(connection)
        pump = Pump(connection, self.pending, self.command_ended)
        connection.on_booted = lambda: self._booted(connection, pump)
        connection.on_unexpected_answer = pump.late_answer
        self.connections[key], self.pumps[key] = connection, pump
        if before is not None:
            self.gate.reports.taken_over(self.owner_of(before), self.owner_of(connection))
            background(before.close(POLICY_VIOLATION, REPLACED), "close_replaced")
        try:
            owner_before = await self._instances.claim(self.owner_of(connection))
        except StaleEpoch:
            self._forget(connection)
            raise
        self.open_sockets += 1
        self.gate.opened(connection.station.tenant.slug, address)
        self.claimed(connection, owner_before)
        background(self._begin(connection, pump), "begin_connection")
        return connection

    def claimed(self, connection: Connection, before: Owner | None) -> None:
        """Have the socket closed that a connection has replaced, if another instance holds it."""
        if before is not None and before.instance != self.instance:
            after = self.owner_of(connection)
            self._letters.evict(before, after.epoch, lambda: self.gate.reports.taken_over(before, after))

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
            address=connection.address,
        )

    async def _begin(self, connection: Connection, pump: Pump) -> None:
        station = connection.station
        try:
            await station_connection.announce_connected(station, datetime.now(UTC))
        except StorageUnavailable:
            log.warning("connected_not_announced", tenant=station.tenant.slug, station=station.id)
        pump.start()
        if station.setup_due and station.may_work:
            await self._after_boot(connection, pump)

    def _booted(self, connection: Connection, pump: Pump) -> None:
        if connection.station.may_work:
            background(self._after_boot(connection, pump), "after_boot")
        elif connection.station.may_be_asked:
            pump.start()

    async def _after_boot(self, connection: Connection, pump: Pump) -> None:
        """Ask a station that has restarted for what it may have changed or lost; its waiting commands come first.

        What is lost on the way is asked again over the next connection.
        """
        async with self._after_boots:
            if connection.is_closing():
                return
            try:
                for routine in after_boot.ROUTINES:
                    await store_new(connection.station, await routine(connection.station, connection.version))
            except (StorageUnavailable, PyMongoError) as error:
                log.warning("after_boot_skipped", station=connection.station.id, error=str(error))
            pump.start()
            await pump.idle_within(AFTER_BOOT_SECONDS)

    async def closed(self, connection: Connection, reason: str) -> None:
        """Let go of a station, unless a newer socket owns it."""
        station = connection.station
        connection.lost()
        self._forget(connection)
        try:
            await self._instances.release(station.tenant.slug, station.id, station.epoch)
            await connection.drain()
            await self._release(station, reason)
        except (StorageUnavailable, PyMongoError):
            log.warning("offline_not_stored", tenant=station.tenant.slug, station=station.id)
            background(self._release_later(station, reason), "release_later")
        finally:
            self.open_sockets -= 1
            self.gate.closed(station.tenant.slug, connection.address)
            if not self.open_sockets:
                self._all_closed.set()

    async def _release(self, station: Station, reason: str) -> None:
        if await station_connection.release(station, datetime.now(UTC), reason=reason):
            await self._drop_queue(station)

    async def _release_later(self, station: Station, reason: str) -> None:
        """Store that a station is offline when storage is back, unless it has come back before."""
        while True:
            await asyncio.sleep(STORAGE_PAUSE_SECONDS)
            with suppress(StorageUnavailable, PyMongoError):
                return await self._release(station, reason)

    async def _drop_queue(self, station: Station) -> None:
        """End what waits for a station that has gone offline, where its tenant keeps nothing for later."""
        if station.tenant.queue_enabled:
            return
        for command in await open_commands(station):
            if command["state"] == CommandState.QUEUED.value:
                now, effect = datetime.now(UTC), effect_of(station, command)
                ended = await end_command(station, command, CommandState.FAILED, now, error=NOT_KEPT, effect=effect)
                if ended is not None:
                    self.command_ended(station.tenant.slug, ended)

    def _forget(self, connection: Connection) -> None:
        key = (connection.station.tenant.slug, connection.station.id)
        if self.connections.get(key) is connection:
            del self.connections[key], self.pumps[key]


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
