"""The message log: frames of the tenants that want them kept, written behind the back of those who serve.

A connection of a tenant that wants none has no journal, which is all that costs it anything. The others put the text of
a frame into a queue of bounded length; one task per process takes it out, hides what must not be kept and
stores it. When the queue is full, or storage is away, frames are dropped and counted: stations never wait for this.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson
import structlog
from bson import ObjectId
from pymongo.errors import PyMongoError

from chargepoints.models import Direction, FrameKind, OcppMessage
from csms.shown_urls import HIDDEN
from ocpp_gateway.connection import Connection
from ocpp_gateway.protocol.frames import CALL, CALL_ERROR, CALL_RESULT, Call, CallError, Ignored, Message, encode_call
from ocpp_gateway.protocol.redaction import redacted, redacted_text
from tenants.clients import Document
from tenants.directory import TenantRecord, all_tenants

MESSAGES = OcppMessage._meta.db_table
OFF, ALL = "off", "all"
# What may wait to be written, in frames and in characters of their text.
MAX_FRAMES = 20_000
MAX_CHARACTERS = 16 * 1024 * 1024
# Frames made ready at a time; in between, stations have their turn.
PORTION = 50
# Longer payloads are not kept, only that there was one.
MAX_PAYLOAD = 64 * 1024
# A tenant's change of mind reaches open sockets within this time.
REFRESH_SECONDS = 5.0
_CALLS_REMEMBERED = 16
_WITH_VALUES = frozenset({"ChangeConfiguration"})
_ERROR = f"[{CALL_ERROR},"
_KINDS = {CALL: FrameKind.CALL.value, CALL_RESULT: FrameKind.RESULT.value, CALL_ERROR: FrameKind.ERROR.value}

log = structlog.get_logger(__name__)


class Entry(NamedTuple):
    """A frame that waits to be written."""

    tenant: TenantRecord
    station: str
    at: datetime
    direction: Direction
    text: str
    action: str
    malformed: bool = False

    def __repr__(self) -> str:
        # The text is as it came: what must not be shown is taken out when it is written.
        return f"Entry({self.tenant.slug!r}, {self.station!r}, {self.action!r})"


class MessageLog:
    """The message log of one process."""

    def __init__(self) -> None:
        self.dropped = 0
        self._entries: deque[Entry] = deque()
        self._characters = 0
        self._some = asyncio.Event()
        self._modes: dict[str, TenantRecord] = {}

    def attach(self, connection: Connection, tenant: TenantRecord | None = None) -> None:
        """Give a connection the journal that its tenant wants, or none."""
        tenant = tenant or connection.station.tenant
        wanted = tenant.message_log != OFF
        connection.journal = Journal(self, tenant, connection.station.id) if wanted else None

    def put(self, entry: Entry) -> None:
        """Have a frame written soon; drop it when too much waits already."""
        if len(self._entries) >= MAX_FRAMES or self._characters >= MAX_CHARACTERS:
            self.dropped += 1
            return
        self._entries.append(entry)
        self._characters += len(entry.text)
        self._some.set()

    async def write_for_ever(self) -> None:
        """Write what comes."""
        while True:
            await self._some.wait()
            await self.flush()

    async def flush(self) -> None:
        """Write what waits now."""
        while self._entries:
            await self._write(self._take())
            await asyncio.sleep(0)
        self._some.clear()
        if self.dropped:
            log.warning("messages_not_logged", dropped=self.dropped)
            self.dropped = 0

    def _take(self) -> list[Entry]:
        taken = [self._entries.popleft() for _ in range(min(PORTION, len(self._entries)))]
        self._characters -= sum(len(entry.text) for entry in taken)
        return taken

    async def _write(self, entries: list[Entry]) -> None:
        by_tenant: dict[str, tuple[TenantRecord, list[Document]]] = {}
        for entry in entries:
            try:
                document = _document(entry)
            except (ValueError, TypeError, LookupError, RecursionError):
                self.dropped += 1  # what one library reads and another does not
                continue
            by_tenant.setdefault(entry.tenant.slug, (entry.tenant, []))[1].append(document)
        for tenant, documents in by_tenant.values():
            try:
                await tenant.database[MESSAGES].insert_many(documents, ordered=False)
            except PyMongoError:
                self.dropped += len(documents)

    async def follow_tenants(self, connections: dict[tuple[str, str], Connection]) -> None:
        """Give open sockets another journal when their tenant changes its mind."""
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            if connections:
                await self._refresh(connections)

    async def _refresh(self, connections: dict[tuple[str, str], Connection]) -> None:
        try:
            tenants = {tenant.slug: tenant for tenant in await all_tenants()}
        except PyMongoError:
            return  # as it was
        known, self._modes = self._modes, tenants
        changed = {slug for slug, now in tenants.items() if slug not in known or _mode(known[slug]) != _mode(now)}
        for (slug, _), connection in list(connections.items()) if changed else ():
            journal = connection.journal
            noted = _mode(journal.tenant) if isinstance(journal, Journal) else None
            if slug in changed and noted != _mode(tenants[slug]):
                self.attach(connection, tenants[slug])


def _mode(tenant: TenantRecord | None) -> tuple[str, int] | None:
    """Return what a tenant wants to be kept, and for how many days; None for nothing."""
    if tenant is None or tenant.message_log == OFF:
        return None
    return tenant.message_log, tenant.message_log_days


class Journal:
    """Notes the frames of one connection."""

    __slots__ = ("_log", "tenant", "_station", "_all", "_calls")

    def __init__(self, messages: MessageLog, tenant: TenantRecord, station: str) -> None:
        self._log = messages
        self.tenant = tenant
        self._station = station
        self._all = tenant.message_log == ALL
        # The actions of our own calls, which their answers do not name.
        self._calls: dict[str, tuple[str, str]] = {}

    def received(self, message: Message, text: str) -> None:
        """Note a frame of the station."""
        if isinstance(message, Ignored):
            return
        if isinstance(message, Call):
            if self._all:
                self._put(Direction.IN, text, message.action)
            return
        action, call = self._calls.pop(message.message_id, ("", ""))
        if self._all:
            self._put(Direction.IN, text, action)
        elif isinstance(message, CallError):
            self._put_both(Direction.OUT, call, text, action)

    def malformed(self, description: str) -> None:
        """Note a frame that is no OCPP message; its text may hold anything, so it is not kept."""
        self._put(Direction.IN, description, "", malformed=True)

    def answered(self, call: Call, text: str) -> None:
        """Note our answer to a call of the station."""
        if self._all:
            self._put(Direction.OUT, text, call.action)
        elif text.startswith(_ERROR):
            self._put_both(Direction.IN, encode_call(*call), text, call.action)

    def called(self, message_id: str, action: str, text: str) -> None:
        """Note a call of ours."""
        if len(self._calls) >= _CALLS_REMEMBERED:
            del self._calls[next(iter(self._calls))]
        self._calls[message_id] = (action, "" if self._all else text)
        if self._all:
            self._put(Direction.OUT, text, action)

    def _put_both(self, direction: Direction, call: str, answer: str, action: str) -> None:
        """Note a call together with the error that answers it."""
        if call:
            self._put(direction, call, action)
        self._put(Direction.OUT if direction == Direction.IN else Direction.IN, answer, action)

    def _put(self, direction: Direction, text: str, action: str, *, malformed: bool = False) -> None:
        self._log.put(Entry(self.tenant, self._station, datetime.now(UTC), direction, text, action, malformed))


def _document(entry: Entry) -> Document:
    return {
        "_id": str(ObjectId()),
        "charge_point_id": entry.station,
        "at": entry.at,
        "direction": entry.direction.value,
        "action": entry.action[:50],
        **_read(entry),
        "expires_at": entry.at + timedelta(days=entry.tenant.message_log_days),
    }


def _read(entry: Entry) -> Document:
    """Return what a frame says, without what must not be kept."""
    if entry.malformed:
        return _kept(FrameKind.MALFORMED.value, "", "", {"description": redacted_text(entry.text)})
    frame = orjson.loads(entry.text)
    kind = _KINDS[frame[0]]
    if kind == FrameKind.ERROR.value:
        _, message_id, code, description, details = (*frame, "", {})[:5]
        # A station may quote the value it was to take.
        told = HIDDEN if entry.action in _WITH_VALUES else redacted_text(str(description))
        said = {"description": told, "details": redacted(details)}
        return _kept(kind, message_id, str(code), said)
    payload = frame[-1] if isinstance(frame[-1], dict) else {}
    result = _status(payload) if kind == FrameKind.RESULT.value else ""
    return _kept(kind, frame[1], result, redacted(payload))


def _kept(kind: str, message_id: str, result: str, payload: Document) -> Document:
    text = orjson.dumps(payload).decode("utf-8")
    kept = text if len(text) <= MAX_PAYLOAD else ""
    return {"kind": kind, "message_id": str(message_id), "result": result[:50], "payload": kept}


def _status(payload: Document) -> str:
    inner = payload.get("idTagInfo")
    places: Iterable[Any] = (payload, inner if isinstance(inner, dict) else {})
    return next((place["status"] for place in places if isinstance(place.get("status"), str)), "")
