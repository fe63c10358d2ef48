"""One station's socket: its CALLs served in order, its answers to ours resolved at once, our own CALLs one at a time.

The two directions never block each other (OCPP-J 1.6 §4.1.1 limits each of them to one CALL under way).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog
from django.conf import settings
from pymongo.errors import PyMongoError

from chargepoints.connection import CHARGE_POINTS
from chargepoints.station import SequenceUsedUp, StaleConnection, Station
from csms.errors import StorageUnavailable
from csms.lifecycle import background
from ocpp_gateway import router
from ocpp_gateway.entitlement import Entitlement
from ocpp_gateway.limits.message_rate import MessageRate
from ocpp_gateway.protocol.errors import ErrorCode, spelled
from ocpp_gateway.protocol.frames import (
    CALL_RESULT,
    Call,
    CallError,
    CallResult,
    Ignored,
    MalformedFrame,
    Message,
    encode_call,
    encode_error,
    parse,
)
from ocpp_gateway.protocol.versions import OcppVersion
from ocpp_gateway.pulse import STALLED_SECONDS, Pulse
from ocpp_gateway.triggers import Triggers
from tenants.coalesced_writes import coalesced_writes

# WebSocket close codes (RFC 6455 §7.4.1 and the IANA registry).
PROTOCOL_ERROR, POLICY_VIOLATION, INTERNAL_ERROR = 1002, 1008, 1011
SERVICE_RESTART, TRY_AGAIN_LATER = 1012, 1013
# How many of its latest answers are kept to be repeated when a station repeats a message.
REMEMBERED_ANSWERS = 16
# Frames in a row that are no OCPP message, after which the socket is closed.
GARBAGE_LIMIT = 5
LAST_SEEN_SECONDS = 10.0
_RESULT = f"[{CALL_RESULT},"

log = structlog.get_logger(__name__)


class ConnectionLost(Exception):
    """The socket closed before the station answered."""


class Socket(Protocol):
    """The sending half of a socket; neither call fails because the station has gone."""

    async def send(self, text: str) -> None: ...

    async def close(self, code: int, reason: str) -> None: ...


class Journal(Protocol):
    """Whoever notes the frames of a connection; none of these waits."""

    def received(self, message: Message, text: str) -> None: ...

    def malformed(self, description: str) -> None: ...

    def answered(self, call: Call, text: str) -> None: ...

    def called(self, message_id: str, action: str, text: str) -> None: ...


class Connection:
    """What goes over one socket, independent of the server that holds it."""

    __slots__ = (
        "station",
        "version",
        "closing",
        "since",
        "on_booted",
        "on_unexpected_answer",
        "triggers",
        "journal",
        "entitlement",
        "address",
        "_socket",
        "_rates",
        "_pulse",
        "_queue",
        "_serving",
        "_room",
        "_answers",
        "_garbage",
        "_slowed",
        "_seen_noted",
        "_call_slot",
        "_waiting",
    )

    def __init__(
        self,
        station: Station,
        version: OcppVersion,
        socket: Socket,
        *,
        address: str = "",
        rates: tuple[MessageRate, ...] = (),
        pulse: Pulse | None = None,
        on_booted: Callable[[], None] = lambda: None,
        on_unexpected_answer: Callable[[CallResult | CallError], None] = lambda answer: None,
    ) -> None:
        self.station = station
        self.version = version
        self.closing = False
        self.since = datetime.now(UTC)
        # Set where the tenant wants its messages kept (`ocpp_gateway.message_log`).
        self.journal: Journal | None = None
        # By what it was let in; looked after in `ocpp_gateway.expulsion`.
        self.entitlement: Entitlement | None = None
        self.address = address
        self._socket = socket
        self._rates = rates
        self._pulse = pulse or Pulse()
        self.on_booted = on_booted
        self.on_unexpected_answer = on_unexpected_answer
        # None until the first message is triggered, which on most sockets never happens.
        self.triggers: Triggers | None = None
        # Lists and dicts, short as they are, because an empty deque or OrderedDict costs ten times their memory.
        self._queue: list[tuple[Call, int]] = []
        self._serving: asyncio.Task[Any] | None = None
        self._room: asyncio.Event | None = None
        self._answers: dict[str, tuple[int, str]] = {}
        self._garbage = 0
        self._slowed = False
        self._seen_noted = 0.0
        # Most sockets never carry a call of ours, so these are made when the first one is sent.
        self._call_slot: asyncio.Lock | None = None
        self._waiting: dict[str, asyncio.Future[CallResult | CallError]] | None = None

    def is_closing(self) -> bool:
        """Return whether the socket is on its way out; what still comes over it is not served."""
        return self.closing

    async def receive(self, text: str) -> None:
        """Take one text frame. Returns late, which stops the reading, while too many CALLs wait or come too fast."""
        if self.is_closing():
            return
        now = time.monotonic()
        if await self._lost_meanwhile(now):
            return
        self._note_seen(now)
        for rate in self._rates:
            if wait := rate.take(now):
                await self._slow_down(wait)
        try:
            message = parse(text)
        except MalformedFrame as error:
            await self._refuse(error)
            return
        self._garbage = 0
        if self.journal is not None:
            self.journal.received(message, text)
        if isinstance(message, Call):
            await self._take(message, hash(text))
        elif not isinstance(message, Ignored):
            self._resolve(message)

    async def _lost_meanwhile(self, now: float) -> bool:
        """Return whether this process stood still so long that it had to give up the socket."""
        if now - self._pulse.last_beat > STALLED_SECONDS:
            try:
                await self._pulse.recover()  # which closes this socket if another one owns the station now
            except PyMongoError:
                await self.close(TRY_AGAIN_LATER, "storage is unavailable, keep your messages")
        return self.is_closing()

    async def _slow_down(self, seconds: float) -> None:
        """Leave the socket unread: TCP makes the station wait, and nothing is lost."""
        if not self._slowed:
            self._slowed = True
            log.warning("messages_come_too_fast", tenant=self.station.tenant.slug, station=self.station.id)
        await asyncio.sleep(seconds)

    def _note_seen(self, now: float) -> None:
        if now - self._seen_noted > LAST_SEEN_SECONDS:
            self._seen_noted = now
            station = self.station
            # Only the owner says so; a stale socket must not make its station look alive.
            query = {"_id": station.id, "epoch": station.epoch}
            seen = {"last_seen": datetime.now(UTC)}
            coalesced_writes().put(station.tenant, CHARGE_POINTS, query, lambda: seen)

    async def _refuse(self, error: MalformedFrame) -> None:
        self._garbage += 1
        if self.journal is not None:
            self.journal.malformed(error.description)
        if error.message_id is not None:
            await self._answer(encode_error(error.message_id, spelled(error.code, self.version), error.description))
        if self._garbage >= GARBAGE_LIMIT:
            await self.close(PROTOCOL_ERROR, "too many frames that are no OCPP messages")

    # -- The station's CALLs ---------------------------------------------------------------------

    async def _take(self, call: Call, fingerprint: int) -> None:
        if self._serving is not None:
            self._queue.append((call, fingerprint))
            if len(self._queue) >= settings.OCPP_READ_AHEAD:
                await self._wait_for_room()
            return
        outcome = self._begin(call, fingerprint)
        if isinstance(outcome, str):
            await self._answer(outcome, call)
        else:
            self._serving = background(self._serve(call, fingerprint, outcome), "serve_calls")

    async def _answer(self, text: str, call: Call | None = None) -> None:
        if not self.closing:
            if self.journal is not None and call is not None:
                self.journal.answered(call, text)
            await self._socket.send(text)

    async def _wait_for_room(self) -> None:
        self._room = asyncio.Event()
        await self._room.wait()

    def _begin(self, call: Call, fingerprint: int) -> str | Awaitable[dict[str, Any]]:
        known = self._answers.get(call.message_id)
        if known is not None:
            return self._repeat(call, fingerprint, *known)
        triggered = self.triggers is not None and self.triggers.expects(call)
        if call.action == "BootNotification":
            # A station that has restarted may count its message ids from the beginning again.
            self._answers.clear()
            self.station.boot_triggered = triggered
        outcome = router.begin(self.version, self.station, call, datetime.now(UTC), triggered=triggered)
        if isinstance(outcome, str):
            self._remember(call, fingerprint, outcome)
        return outcome

    def _repeat(self, call: Call, fingerprint: int, known: int, answer: str) -> str:
        """Return the first answer to a message sent twice; another message must not reuse its id."""
        if known == fingerprint:
            return answer
        code = spelled(ErrorCode.PROTOCOL_ERROR, self.version)
        return encode_error(call.message_id, code, "this message id was used for another message")

    def _remember(self, call: Call, fingerprint: int, answer: str) -> None:
        if not answer.startswith(_RESULT):
            return  # what a CALL was refused for may have gone when it comes again
        if self.triggers is not None:
            self.triggers.came(call)
        self._answers[call.message_id] = (fingerprint, answer)
        if len(self._answers) > REMEMBERED_ANSWERS:
            del self._answers[next(iter(self._answers))]

    async def _serve(self, call: Call, fingerprint: int, outcome: str | Awaitable[dict[str, Any]]) -> None:
        """Answer a CALL that has to wait for something, and then those that have queued up behind it."""
        try:
            await self._serve_all(call, fingerprint, outcome)
        except StorageUnavailable:
            # A station that is offline keeps its messages; one that gets errors throws them away after some tries.
            await self.close(TRY_AGAIN_LATER, "storage is unavailable, keep your messages")
        except StaleConnection:
            await self.close(POLICY_VIOLATION, "replaced by a newer connection")
        except SequenceUsedUp:
            await self.close(SERVICE_RESTART, "please reconnect")
        except Exception:
            # An unanswered CALL must not leave its station waiting on an open socket.
            log.exception("serving_failed", tenant=self.station.tenant.slug, station=self.station.id)
            await self.close(INTERNAL_ERROR, "internal error")
        finally:
            self._serving = None
            if self._room is not None:
                self._room.set()

    async def _serve_all(self, call: Call, fingerprint: int, outcome: str | Awaitable[dict[str, Any]]) -> None:
        while True:
            if not isinstance(outcome, str):
                outcome = await router.finish(self.version, self.station, call, outcome)
                self._remember(call, fingerprint, outcome)
            await self._answer(outcome, call)
            if call.action == "BootNotification":
                self.on_booted()
            if not self._queue or self.closing:
                return
            call, fingerprint = self._queue.pop(0)
            if self._room is not None and len(self._queue) < settings.OCPP_READ_AHEAD:
                self._room.set()
            outcome = self._begin(call, fingerprint)

    # -- Our own CALLs ---------------------------------------------------------------------------

    async def call(
        self, message_id: str, action: str, payload: dict[str, Any], seconds: float
    ) -> CallResult | CallError:
        """Send a CALL when no other of ours is under way and return the station's answer.

        Raises:
            TimeoutError: no answer within `seconds` of sending.
            ConnectionLost: the socket closed first.
        """
        if self._call_slot is None or self._waiting is None:
            self._call_slot, self._waiting = asyncio.Lock(), {}
        async with self._call_slot:
            if await self._lost_meanwhile(time.monotonic()):
                raise ConnectionLost(self.station.id)
            answer: asyncio.Future[CallResult | CallError] = asyncio.get_running_loop().create_future()
            self._waiting[message_id] = answer
            try:
                text = encode_call(message_id, action, payload)
                if self.journal is not None:
                    self.journal.called(message_id, action, text)
                await self._socket.send(text)
                return await asyncio.wait_for(answer, seconds)
            finally:
                self._waiting.pop(message_id, None)

    def _resolve(self, answer: CallResult | CallError) -> None:
        if self.triggers is not None:
            # At once: what was triggered may be the very next frame.
            self.triggers.answered(answer)
        waiting = self._waiting.get(answer.message_id) if self._waiting else None
        if waiting is None:
            self.on_unexpected_answer(answer)
        elif not waiting.done():
            waiting.set_result(answer)

    # -- The end ---------------------------------------------------------------------------------

    async def close(self, code: int, reason: str) -> None:
        """Close the socket; what is being served is still stored, but nothing more is answered."""
        if not self.closing:
            self.closing = True
            await self._socket.close(code, reason)

    async def drain(self) -> None:
        """Return when the CALL being served, and those read already, are answered."""
        serving = self._serving
        if serving is not None:
            await asyncio.wait({serving})

    def lost(self) -> None:
        """Note that the socket is gone: whoever waits for an answer is told."""
        self.closing = True
        for waiting in (self._waiting or {}).values():
            if not waiting.done():
                waiting.set_exception(ConnectionLost(self.station.id))
        if self._room is not None:
            self._room.set()
