"""Commands: what we ask of a station, durable from the request to a definite end, and never sent twice.

A command is queued when it is stored. The connection that owns the station takes the oldest one, in one transaction
that also checks that it still is the owner, and sends it. It ends with the station's answer, with the loss of the
connection it was sent on, or with a time-out. Whoever owns the station writes its commands' states and announces
them, because the order of a station's facts is the owner's; while nobody owns it, any instance may (`outside`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId

from chargepoints.connection import CHARGE_POINTS
from chargepoints.key_rotation import expect_key, same_secret, without_key
from chargepoints.models import Command, CommandState
from chargepoints.station import StaleConnection, Station
from csms.errors import Conflict
from csms.shown_urls import HIDDEN, with_shown_urls
from events.facts import COMMAND_KINDS, command_triggered
from tenants.audit.commands import command_entry
from tenants.audit.record import COLLECTION as AUDIT_ENTRIES
from tenants.clients import Document
from tenants.directory import TenantRecord
from tenants.group_commit import DuplicateRecord, NothingMatched
from tenants.grouped_reads import grouped_reads
from tenants.unit_of_work import UnitOfWork

COMMANDS = Command._meta.db_table
# What the end of a command means: called with the open unit of work, the station, the ended command and the time.
Effect = Callable[[UnitOfWork, Station, Document, datetime], None]
OPEN = (CommandState.QUEUED.value, CommandState.SENT.value)
_UNSENT = (CommandState.EXPIRED.value, CommandState.CANCELLED.value)
_CUT_OFF = ("ConnectionLost", "NotSent", "StationOffline")
_OPEN_ONLY = (("state", OPEN),)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCommand:
    """A command as somebody asks for it; validated already."""

    charge_point_id: str
    action: str
    # URLs in it may have a password.
    payload: dict[str, Any] = field(repr=False)
    requested_by: str
    lifetime: timedelta
    idempotency_key: str = ""
    reply_to: str = ""
    # What must not be shown: see `chargepoints.key_rotation`.
    secret: Document | None = field(default=None, repr=False)


class OtherRequest(Conflict):
    """The idempotency key was used for another command."""

    code = "idempotency_key_reused"


async def store_command(tenant: TenantRecord, new: NewCommand, now: datetime) -> tuple[Document, bool]:
    """Store a command as queued; return it and whether it is new.

    With an idempotency key, the same request of the same user again returns the first command.

    Raises:
        OtherRequest: the user has used the key for another action or payload.
    """
    unit = UnitOfWork(tenant)
    document = add_command(unit, new, now)
    try:
        await unit.commit()
    except DuplicateRecord:
        first = await find_first(tenant, new)
        if first is None:
            raise
        return first, False
    return document, True


async def find_first(tenant: TenantRecord, new: NewCommand) -> Document | None:
    """Return the command that was stored for the same idempotency key before, or None.

    Raises:
        OtherRequest: the key was used for another action or payload.
    """
    if not new.idempotency_key:
        return None
    first = await tenant.database[COMMANDS].find_one(
        {
            "charge_point_id": new.charge_point_id,
            "requested_by": new.requested_by,
            "idempotency_key": new.idempotency_key,
        }
    )
    if first is not None and not _same(first, new):
        raise OtherRequest("this Idempotency-Key was used for another command; choose a new one")
    return first


def add_command(unit: UnitOfWork, new: NewCommand, now: datetime) -> Document:
    """Add a queued command to a unit of work and return it."""
    document = _document(new, now)
    unit.insert(COMMANDS, document)
    unit.insert(AUDIT_ENTRIES, command_entry(document))
    return document


def _same(first: Document, new: NewCommand) -> bool:
    asked = (first["action"], first["payload"]) == (new.action, new.payload)
    return asked and same_secret(first.get("secret"), new.secret)


def _document(new: NewCommand, now: datetime) -> Document:
    return {
        "_id": str(ObjectId()),
        "charge_point_id": new.charge_point_id,
        "action": new.action,
        "payload": new.payload,
        "secret": new.secret,
        "state": CommandState.QUEUED.value,
        "response": None,
        "error": None,
        "requested_by": new.requested_by,
        "idempotency_key": new.idempotency_key,
        "message_id": "",
        "epoch": None,
        "reply_to": new.reply_to,
        "triggered": [],
        "announced": False,
        "created_at": now,
        "sent_at": None,
        "deadline": None,
        "completed_at": None,
        "expires_at": now + new.lifetime,
    }


def was_cut_off(ended: Document) -> bool:
    """Return whether a command ended before the station had its say, or its time for one."""
    return ended["state"] in _UNSENT or (ended["error"] or {}).get("code") in _CUT_OFF


async def find_command(tenant: TenantRecord, command_id: str) -> Document | None:
    """Return a command, or None."""
    return await tenant.database[COMMANDS].find_one({"_id": command_id})


async def open_commands(station: Station) -> list[Document]:
    """Return a station's commands that have not ended, oldest first."""
    reads = grouped_reads(station.tenant, COMMANDS, field="charge_point_id", where=_OPEN_ONLY)
    found = await reads.find(station.id)
    # By time first: ids of one second that two instances gave are in no order.
    return sorted(found, key=lambda command: (command["created_at"], command["_id"]))


async def take_to_send(station: Station, command: Document, *, seconds: float, now: datetime) -> Document | None:
    """Mark a queued command as sent and return it, or None if it is no longer queued.

    Raises:
        StaleConnection: another connection owns the station now.
    """
    change: dict[str, Any] = {
        "state": CommandState.SENT.value,
        # Correlation is by message id alone, so it names the command and is unique over all connections.
        "message_id": command["_id"],
        "epoch": station.epoch,
        "sent_at": now,
        "deadline": now + timedelta(seconds=seconds),
        "announced": True,
    }
    secret = command.get("secret")
    unit = station.unit_of_work()
    station.fence(unit, now)
    if secret is not None:
        change["secret"] = without_key(secret)
        expect_key(unit, station, command)
    _change(unit, command, change, expected=CommandState.QUEUED)
    if not command["announced"]:
        _announce(unit, station, command, command["created_at"])
    _announce(unit, station, command | change, now)
    return command | change | {"secret": secret} if await _commit(unit, station) else None


async def end_command(
    station: Station,
    command: Document,
    state: CommandState,
    now: datetime,
    *,
    response: dict[str, Any] | None = None,
    error: dict[str, str] | None = None,
    effect: Effect | None = None,
) -> Document | None:
    """Bring a command to its end and return it, or None if it had ended already or another one owns the station now.

    `effect` adds to the unit of work what the end means for the domain, so that both are stored or neither is.
    """
    unit = station.unit_of_work()
    station.fence(unit, now)
    ended = add_end(unit, station, command, state, now, response=response, error=error, effect=effect)
    try:
        await unit.commit()
    except NothingMatched:
        return None
    return ended


def add_end(
    unit: UnitOfWork,
    station: Station,
    command: Document,
    state: CommandState,
    now: datetime,
    *,
    response: dict[str, Any] | None = None,
    error: dict[str, str] | None = None,
    effect: Effect | None = None,
) -> Document:
    """Add a command's end to a unit of work that is fenced, and return the command as it is then."""
    change = {"state": state.value, "response": response, "error": error, "completed_at": now, "announced": True}
    if command.get("secret") is not None:
        change["secret"] = without_key(command["secret"])
    ended = command | change
    _change(unit, command, change, expected=CommandState(command["state"]))
    if not command["announced"]:
        _announce(unit, station, command, command["created_at"])
    _announce(unit, station, ended, now)
    if effect is not None:
        effect(unit, station, ended, now)
    return ended


async def withdraw(tenant: TenantRecord, command: Document) -> bool:
    """Take back a command that nobody has heard of yet; return False if it is on its way already."""
    query = {"_id": command["_id"], "state": CommandState.QUEUED.value, "announced": False}
    result = await tenant.database[COMMANDS].delete_one(query)
    return result.deleted_count == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggeredMessage:
    """A message that a station has sent because a command has asked for it; the EVSE only if it is about one."""

    action: str
    message_id: str
    evse_id: int | None
    received_at: datetime


async def record_triggered(station: Station, command_id: str, message: TriggeredMessage) -> None:
    """Tie a message to the command that has asked for it, and announce that it has come.

    Raises:
        StorageUnavailable: MongoDB is away.
    """
    facts = {"action": message.action, "message_id": message.message_id, "evse_id": message.evse_id}
    received_at = message.received_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    unit = station.unit_of_work()
    station.fence(unit, message.received_at)
    unit.update(COMMANDS, {"_id": command_id}, {"$push": {"triggered": facts | {"received_at": received_at}}})
    station.announce(unit, command_triggered, message.received_at, {"command_id": command_id, **facts})
    with suppress(NothingMatched):  # a newer connection owns the station: nobody waits for this one's messages
        await unit.commit()


async def record_late_answer(
    station: Station,
    command_id: str,
    state: CommandState,
    now: datetime,
    *,
    response: dict[str, Any] | None = None,
    error: dict[str, str] | None = None,
    effect: Effect | None = None,
) -> None:
    """Keep an answer that came after the time-out, and what it means; the command stays timed out.

    It needs no fence: the station has said so, whichever connection owns it now.

    Args:
        state: what the command would have ended with, had the answer come in time.
    """
    query: Document = {"_id": command_id, "state": CommandState.TIMED_OUT.value}
    command = await station.tenant.database[COMMANDS].find_one(query)
    if command is None:
        return
    if error is not None and command.get("secret") is not None:
        error = error | {"description": HIDDEN}  # it may quote the key, which is not known here any more
    answer = {"error": error} if error is not None else {"response": response}
    unit = station.unit_of_work()
    unit.update(COMMANDS, query, {"$set": answer}, must_match=True)
    if effect is not None:
        effect(unit, station, command | {"response": response, "error": error, "state": state.value}, now)
    await unit.commit()


def _change(unit: UnitOfWork, command: Document, change: dict[str, Any], *, expected: CommandState) -> None:
    unit.update(COMMANDS, {"_id": command["_id"], "state": expected.value}, {"$set": change}, must_match=True)


async def _commit(unit: UnitOfWork, station: Station) -> bool:
    try:
        await unit.commit()
    except NothingMatched:
        stored = await station.tenant.database[CHARGE_POINTS].find_one({"_id": station.id}, projection=["epoch"])
        if stored is None or stored["epoch"] != station.epoch:
            raise StaleConnection(station.id) from None
        return False  # cancelled or expired meanwhile
    return True


_ANNOUNCED = (
    "action",
    "payload",
    "state",
    "response",
    "error",
    "requested_by",
    "created_at",
    "sent_at",
    "completed_at",
)


def _announce(unit: UnitOfWork, station: Station, command: Document, at: datetime) -> None:
    data = {"command_id": command["_id"], **{name: command[name] for name in _ANNOUNCED}}
    data["payload"] = with_shown_urls(command["payload"])
    station.announce(unit, COMMAND_KINDS[command["state"]], at, data)


def announce_queued(unit: UnitOfWork, station: Station, commands: Iterable[Document]) -> None:
    """Add to a unit of work that these commands are queued."""
    for command in commands:
        _announce(unit, station, command, command["created_at"])
        unit.update(COMMANDS, {"_id": command["_id"]}, {"$set": {"announced": True}})
