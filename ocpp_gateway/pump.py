"""One connection's commands: taken from MongoDB in order, sent one after another, each brought to a definite end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import structlog
from django.conf import settings
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from chargepoints.commands import (
    Effect,
    TriggeredMessage,
    end_command,
    find_command,
    open_commands,
    record_late_answer,
    record_triggered,
    take_to_send,
)
from chargepoints.key_rotation import error_without_key, unsealed
from chargepoints.models import CommandState
from chargepoints.station import StaleConnection, Station
from csms.errors import StorageUnavailable
from csms.lifecycle import background
from ocpp_gateway.answers import Outcome, read_answer
from ocpp_gateway.commands import effect_of, verb_of_action
from ocpp_gateway.connection import POLICY_VIOLATION, Connection, ConnectionLost
from ocpp_gateway.follow_up import follow_up
from ocpp_gateway.foreign_answers import looks_like_ours, notice_answer
from ocpp_gateway.pending import PendingCall, PendingCalls
from ocpp_gateway.protocol.frames import Call, CallError, CallResult
from ocpp_gateway.triggers import TRIGGERS, Triggers
from tenants.clients import Document

# Storage that is away is asked again after this long; each attempt has its own patience (STORAGE_TIMEOUT).
STORAGE_PAUSE_SECONDS = 1.0
_LOST = {"code": "ConnectionLost", "description": "the connection closed before the station answered"}
# Storage fell silent in the middle, and has the mark all the same.
_NOT_SENT = {"code": "NotSent", "description": "the command was about to be sent when storage failed; it was not"}
_NO_ANSWER = {"code": "NoAnswer", "description": "the station did not answer in time"}
_UNSTORABLE = {"code": "InvalidAnswer", "description": "the station's answer cannot be stored"}

# What a station whose registration is pending must not be asked for (OCPP 1.6 §4.2).
_NOT_WHILE_PENDING = frozenset({"RemoteStartTransaction", "RemoteStopTransaction"})

log = structlog.get_logger(__name__)


def may_be_sent(station: Station, action: str) -> bool:
    """Return whether a station may be sent a command now; what may not waits until its registration allows it."""
    return station.may_work or (station.may_be_asked and action not in _NOT_WHILE_PENDING)


@dataclass(slots=True)
class Pump:
    """Sends one connection's commands, one after another. Nothing else sends, so nothing is sent twice."""

    connection: Connection
    pending: PendingCalls
    ended: Callable[[str, Document], None]  # called with the tenant and every command that has come to its end
    stopping: bool = False
    _running: bool = False
    _again: bool = False
    _noticed: bool = False
    _task: asyncio.Task[Any] | None = None
    # The commands handed to the socket; those whose time was over before the answer came have an event, which is set
    # once their end is stored. None until the first: most sockets never carry a command.
    _handed_over: dict[str, asyncio.Event | None] | None = None

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
        await self.idle_within(seconds)

    async def idle_within(self, seconds: float) -> None:
        """Return when nothing waits to be sent or answered any more, or after `seconds`."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=seconds)

    async def _run(self) -> None:
        try:
            while True:
                self._again = False
                await self._look()
                if not self._again:
                    return
        except StaleConnection:
            await self.connection.close(POLICY_VIOLATION, "replaced by a newer connection")
        finally:
            self._running = False
            self._task = None

    async def _look(self) -> None:
        station = self.connection.station
        try:
            await self._send_waiting()
        except (StorageUnavailable, PyMongoError) as error:
            log.warning("commands_held", tenant=station.tenant.slug, station=station.id, error=str(error))
            if not self.connection.closing and not self.stopping:
                self._again = True
                await asyncio.sleep(STORAGE_PAUSE_SECONDS)

    async def _send_waiting(self) -> None:
        for command in await open_commands(self.connection.station):
            if self.stopping or self.connection.closing:
                return
            await self._attend_to(command)
            if self._again:
                return  # something has changed: the next look begins with the oldest

    async def _attend_to(self, command: Document) -> None:
        station = self.connection.station
        if command["state"] == CommandState.SENT.value:
            await self._go_on(command)
        elif command["expires_at"] <= datetime.now(UTC):
            await self._end(command, Outcome(CommandState.EXPIRED))
        elif may_be_sent(station, command["action"]):
            now = datetime.now(UTC)
            taken = await take_to_send(station, command, seconds=settings.OCPP_CALL_TIMEOUT, now=now)
            if taken is None:
                self._again = True  # cancelled, expired, or marked by an attempt whose outcome was not known
            else:
                await self._send(taken)

    async def _go_on(self, command: Document) -> None:
        """Look after a command that is marked as sent, which none of ours is while the pump is idle."""
        if command["epoch"] != self.connection.station.epoch:
            await self._end(command, Outcome(CommandState.FAILED, error=_LOST))
        elif command["_id"] not in (self._handed_over or {}):
            await self._end(command, Outcome(CommandState.FAILED, error=_NOT_SENT))

    async def _send(self, command: Document) -> None:
        if self._handed_over is None:
            self._handed_over = {}
        self._handed_over[command["_id"]] = None
        # At the same time: whoever looks at the list may see the call a moment after the station does.
        noted = background(self._note_pending(command), "note_pending")
        ended = False
        try:
            ended = await self._end(command, await self._call(command))
        finally:
            over = self._handed_over.get(command["_id"])
            if over is not None:
                over.set()
        await noted
        await self._forget_pending(command)
        if ended and over is None:
            self._handed_over.pop(command["_id"], None)

    async def _call(self, command: Document) -> Outcome:
        connection, seconds = self.connection, settings.OCPP_CALL_TIMEOUT
        if command["action"] in TRIGGERS:
            self._expect_triggered(command)
        try:
            answer = await connection.call(command["message_id"], command["action"], unsealed(command), seconds)
        except TimeoutError:
            assert self._handed_over is not None
            self._handed_over[command["_id"]] = asyncio.Event()
            if connection.triggers is not None:
                connection.triggers.given_up(command["message_id"])
            return Outcome(CommandState.TIMED_OUT, error=_NO_ANSWER)
        except ConnectionLost:
            return Outcome(CommandState.FAILED, error=_LOST)
        outcome = read_answer(connection.version, command["action"], answer)
        return replace(outcome, error=error_without_key(command, outcome.error))

    def _expect_triggered(self, command: Document) -> None:
        connection = self.connection
        if connection.triggers is None:
            connection.triggers = Triggers(self._triggered)
        connection.triggers.asked(command["message_id"], command["_id"], command["payload"])

    def _triggered(self, command_id: str, call: Call) -> None:
        connector = call.payload.get("connectorId")
        message = TriggeredMessage(
            action=call.action,
            message_id=call.message_id,
            evse_id=connector if isinstance(connector, int) else None,
            received_at=datetime.now(UTC),
        )
        background(self._record_triggered(command_id, message), "record_triggered")

    async def _record_triggered(self, command_id: str, message: TriggeredMessage) -> None:
        try:
            await record_triggered(self.connection.station, command_id, message)
        except StorageUnavailable:
            log.warning("triggered_not_recorded", station=self.connection.station.id, command=command_id)

    async def _end(self, command: Document, outcome: Outcome) -> bool:
        """Store a command's end, however long storage is away; return False if somebody else has ended it, or may."""
        station = self.connection.station
        effect = effect_of(station, command)
        while True:
            try:
                return await self._store_end(command, outcome, effect)
            except StorageUnavailable:
                log.warning("command_end_held", station=station.id, command=command["_id"])
                await asyncio.sleep(STORAGE_PAUSE_SECONDS)
            except Exception:
                # A command that stays open for good would be worse than one whose answer is lost.
                log.exception("answer_not_stored", station=station.id, command=command["_id"])
                if outcome.error is _UNSTORABLE and effect is None:
                    raise
                effect = None if outcome.error is _UNSTORABLE else effect
                outcome = Outcome(CommandState.FAILED, error=_UNSTORABLE)

    async def _store_end(self, command: Document, outcome: Outcome, effect: Effect | None) -> bool:
        station = self.connection.station
        ended = await end_command(
            station,
            command,
            outcome.state,
            datetime.now(UTC),
            response=outcome.response,
            error=outcome.error,
            effect=effect,
        )
        if ended is not None:
            self.ended(station.tenant.slug, ended)
            # What it leads to has its turn after what waited before.
            if await follow_up(station, self.connection.version, ended):
                self._again = True
        return ended is not None

    def late_answer(self, answer: CallResult | CallError) -> None:
        """Keep an answer that came after its time-out; what answers nothing of ours is only logged."""
        over = (self._handed_over or {}).get(answer.message_id)
        if over is None or self._handed_over is None:
            self._unexpected(answer.message_id)
            return
        del self._handed_over[answer.message_id]
        background(self._record_late(answer, over), "late_answer")

    def _unexpected(self, message_id: str) -> None:
        log.info("answer_unexpected", station=self.connection.station.id, message_id=message_id)
        if not self._noticed and looks_like_ours(message_id):
            self._noticed = True  # one look per connection: whoever sends more of them learns nothing by it
            background(notice_answer(self.connection.station, message_id), "notice_answer")

    async def _record_late(self, answer: CallResult | CallError, over: asyncio.Event) -> None:
        await over.wait()  # it may have come while the time-out was being stored
        station = self.connection.station
        try:
            command = await find_command(station.tenant, answer.message_id)
            if command is None:
                return
            outcome = read_answer(self.connection.version, command["action"], answer)
            verb = verb_of_action(self.connection.version, command["action"])
            await record_late_answer(
                station,
                command["_id"],
                outcome.state,
                datetime.now(UTC),
                response=outcome.response,
                error=outcome.error,
                effect=verb.late if verb is not None else None,
            )
        except (StorageUnavailable, PyMongoError) as error:
            log.warning("late_answer_not_kept", station=station.id, command=answer.message_id, error=str(error))

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
