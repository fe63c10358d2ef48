"""Commands on their way: from the request to whichever instance holds the station's socket, and back.

The command itself lies in MongoDB; a letter to the owner only says that there is something to do. So a lost letter
loses no command, and what is sent is decided in one place: the pump of the connection that owns the station.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog
from django.conf import settings
from redis.exceptions import RedisError

from chargepoints.commands import (
    NewCommand,
    announce_queued,
    end_command,
    open_commands,
    record_late_answer,
    store_command,
    take_to_send,
)
from chargepoints.models import CommandState
from chargepoints.offline import act_for_offline
from chargepoints.station import StaleConnection
from csms.errors import CsmsError, StorageUnavailable
from csms.lifecycle import background
from ocpp_gateway.commands import verb_of_action
from ocpp_gateway.commands.verb import affirmative
from ocpp_gateway.connection import POLICY_VIOLATION, Connection, ConnectionLost
from ocpp_gateway.follow_up import follow_up
from ocpp_gateway.mailbox import Letter, Mailbox, MailboxFull
from ocpp_gateway.pending import PendingCall, PendingCalls
from ocpp_gateway.presence import Owner, Presence
from ocpp_gateway.protocol.errors import OcppError
from ocpp_gateway.protocol.frames import CallError, CallResult
from ocpp_gateway.protocol.schemas import validate_response
from tenants.clients import Document
from tenants.directory import TenantRecord

log = structlog.get_logger(__name__)


class StationOffline(CsmsError):
    """The station is not connected, and its tenant does not keep commands for later."""

    code = "station_offline"
    http_status = 409


class PresenceUnavailable(CsmsError):
    """Redis cannot be asked where the station is; nothing was stored."""

    code = "presence_unavailable"
    http_status = 503
    retry_after = 5


class InstanceBusy(CsmsError):
    """The instance that holds the station has more to do than it can take; the command waits in the queue."""

    code = "instance_busy"
    http_status = 503
    retry_after = 2


@dataclass(slots=True)
class Pump:
    """Sends one connection's commands, one after another."""

    connection: Connection
    pending: PendingCalls
    ended: Callable[[str, Document], None]  # called with the tenant and every command that has come to its end
    stopping: bool = False
    _running: bool = False
    _again: bool = False
    _task: asyncio.Task[Any] | None = None
    _timed_out: dict[str, None] = field(default_factory=dict)

    def start(self) -> None:
        """Look for commands now, or once more if a look is under way."""
        if self._running:
            self._again = True
        else:
            self._running = True
            self._task = background(self._run(), "command_pump")

    async def stop(self, seconds: float) -> None:
        """Send nothing more, and give the command under way its time."""
        self.stopping = True
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=seconds)

    async def _run(self) -> None:
        station = self.connection.station
        try:
            while True:
                self._again = False
                await self._send_waiting()
                if not self._again:
                    return
        except StaleConnection:
            await self.connection.close(POLICY_VIOLATION, "replaced by a newer connection")
        except StorageUnavailable:
            log.warning("commands_held", tenant=station.tenant.slug, station=station.id)
        finally:
            self._running = False
            self._task = None

    async def _send_waiting(self) -> None:
        station = self.connection.station
        for command in await open_commands(station):
            if self.stopping or self.connection.closing or not station.may_work:
                return
            if command["state"] == CommandState.SENT.value:
                if command["epoch"] != station.epoch:
                    await self._end(command, CommandState.FAILED, error=_LOST)
            elif command["expires_at"] <= datetime.now(UTC):
                await self._end(command, CommandState.EXPIRED)
            else:
                await self._send(command)

    async def _send(self, command: Document) -> None:
        station = self.connection.station
        seconds = settings.OCPP_CALL_TIMEOUT
        taken = await take_to_send(station, command, seconds=seconds, now=datetime.now(UTC))
        if taken is None:
            return
        await self._note_pending(taken)
        try:
            answer = await self.connection.call(taken["message_id"], taken["action"], taken["payload"], seconds)
        except TimeoutError:
            self._timed_out[taken["message_id"]] = None
            await self._end(taken, CommandState.TIMED_OUT, error=_NO_ANSWER)
        except ConnectionLost:
            await self._end(taken, CommandState.FAILED, error=_LOST)
        else:
            await self._answered(taken, answer)
        await self._forget_pending(taken)

    async def _answered(self, command: Document, answer: CallResult | CallError) -> None:
        outcome = read_answer(self.connection, command, answer)
        await self._end(command, outcome.state, response=outcome.response, error=outcome.error)

    async def _end(self, command: Document, state: CommandState, **outcome: Any) -> None:
        verb = verb_of_action(self.connection.version, command["action"])
        effect = verb.effect if verb is not None else None
        now = datetime.now(UTC)
        ended = await end_command(self.connection.station, command, state, now, effect=effect, **outcome)
        if ended is not None:
            self.ended(self.connection.station.tenant.slug, ended)
            # What it leads to has its turn after what waited before.
            self._again |= await follow_up(self.connection.station, self.connection.version, ended)

    def late_answer(self, answer: CallResult | CallError) -> None:
        """Keep an answer that came after its time-out; what answers nothing of ours is only logged."""
        if answer.message_id in self._timed_out:
            del self._timed_out[answer.message_id]
            kept = {"response": answer.payload} if isinstance(answer, CallResult) else {"error": _error_of(answer)}
            background(record_late_answer(self.connection.station.tenant, answer.message_id, kept), "late_answer")
        else:
            log.info("answer_unexpected", station=self.connection.station.id, message_id=answer.message_id)

    # The list of calls in flight is for those who look; the command itself is safe in MongoDB.

    async def _note_pending(self, command: Document) -> None:
        station = self.connection.station
        call = PendingCall(command["message_id"], command["action"], command["_id"], command["deadline"], station.epoch)
        try:
            await self.pending.add(station.tenant.slug, station.id, call)
        except (RedisError, OSError) as error:
            log.warning("pending_not_noted", station=station.id, error=str(error))

    async def _forget_pending(self, command: Document) -> None:
        station = self.connection.station
        try:
            await self.pending.delete(station.tenant.slug, station.id, command["message_id"])
        except (RedisError, OSError) as error:
            log.warning("pending_not_forgotten", station=station.id, error=str(error))


_LOST = {"code": "ConnectionLost", "description": "the connection closed before the station answered"}
_NO_ANSWER = {"code": "NoAnswer", "description": "the station did not answer in time"}


def _error_of(answer: CallError) -> dict[str, str]:
    return {"code": answer.code[:50], "description": answer.description[:255]}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a station's answer means for the command."""

    state: CommandState
    response: dict[str, Any] | None = None
    error: dict[str, str] | None = None


def read_answer(connection: Connection, command: Document, answer: CallResult | CallError) -> Outcome:
    """Return what an answer means: yes, no, a CALLERROR, or nothing that the specification knows."""
    if isinstance(answer, CallError):
        return Outcome(CommandState.FAILED, error=_error_of(answer))
    try:
        validate_response(connection.version, command["action"], answer.payload)
    except OcppError as error:
        return Outcome(CommandState.FAILED, error={"code": "InvalidAnswer", "description": error.description})
    verb = verb_of_action(connection.version, command["action"])
    accepted = verb.accepted if verb is not None else affirmative
    state = CommandState.ACCEPTED if accepted(answer.payload) else CommandState.REJECTED
    return Outcome(state, response=answer.payload)


async def announce_new(tenant: TenantRecord, station_id: str, commands: list[Document]) -> bool:
    """Announce commands as queued for a station that is offline; return whether it was."""
    station = await act_for_offline(tenant, station_id)
    if station is None:
        return False
    unit = station.unit_of_work()
    announce_queued(unit, station, commands)
    await unit.commit()
    return True


class Instance(Protocol):
    """What a dispatcher needs of the process it works in."""

    instance: str
    presence: Presence
    mailbox: Mailbox
    connections: dict[tuple[str, str], Connection]

    async def take_letter(self, letter: Letter) -> None: ...

    def command_ended(self, tenant: str, command: Document) -> None: ...


class Dispatcher:
    """Takes commands in and finds the instance that can carry them out."""

    def __init__(self, here: Instance) -> None:
        self._here = here

    async def submit(self, tenant: TenantRecord, new: NewCommand) -> tuple[Document, bool]:
        """Store a command and have it carried out; return it and whether it is new.

        Raises:
            PresenceUnavailable: Redis is away; nothing was stored.
            StationOffline: the station is offline and nothing is kept for it; nothing was stored.
            chargepoints.commands.OtherRequest: the idempotency key was used for another command.
            StorageUnavailable: MongoDB is away; nothing was stored.
        """
        owner = await self._owner(tenant, new.charge_point_id)
        if owner is None and not tenant.queue_enabled:
            raise StationOffline("the station is not connected, and this tenant keeps no commands for later")
        command, fresh = await store_command(tenant, new, datetime.now(UTC))
        if fresh:
            await self._deliver(tenant, owner, command)
        return command, fresh

    async def cancel(self, tenant: TenantRecord, command: Document) -> bool:
        """Cancel a queued command; return whether it was still queued."""
        station = await act_for_offline(tenant, command["charge_point_id"])
        connection = self._here.connections.get((tenant.slug, command["charge_point_id"]))
        if station is None and connection is not None:
            station = connection.station
        if station is not None:
            ended = await end_command(station, command, CommandState.CANCELLED, datetime.now(UTC))
            if ended is not None:
                self._here.command_ended(tenant.slug, ended)
            return ended is not None
        owner = await self._owner(tenant, command["charge_point_id"])
        letter = {"kind": "cancel", "tenant": tenant.slug, "command_id": command["_id"]}
        return owner is not None and await self._send(owner, letter)

    async def _owner(self, tenant: TenantRecord, station_id: str) -> Owner | None:
        try:
            return await self._here.presence.lookup(tenant.slug, station_id)
        except (RedisError, OSError) as error:
            raise PresenceUnavailable(f"cannot find out where the station is: Redis is away ({error})") from None

    async def _deliver(self, tenant: TenantRecord, owner: Owner | None, command: Document) -> None:
        if owner is not None:
            letter = {"kind": "commands", "tenant": tenant.slug, "station": owner.station}
            if await self._send(owner, letter):
                return
        if not await announce_new(tenant, command["charge_point_id"], [command]):
            log.info("owner_silent", tenant=tenant.slug, station=command["charge_point_id"])

    async def _send(self, owner: Owner, letter: dict[str, Any]) -> bool:
        if owner.instance == self._here.instance:
            await self._here.take_letter(letter)
            return True
        try:
            return await self._here.mailbox.send(owner.instance, letter)
        except MailboxFull:
            raise InstanceBusy("the instance that holds the station is busy; the command waits in its queue") from None
        except (RedisError, OSError):
            return False
