"""What instances ask of each other: to look for commands, to cancel one, to close a socket, to wake who waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog
from redis.exceptions import RedisError

from chargepoints.commands import find_command
from csms.lifecycle import background
from ocpp_gateway.command_serializers import command_body
from ocpp_gateway.connection import POLICY_VIOLATION, Connection
from ocpp_gateway.dispatch import Dispatcher
from ocpp_gateway.limits.gate import Gate
from ocpp_gateway.limits.reports import LETTER
from ocpp_gateway.mailbox import Letter, Mailbox, MailboxFull
from ocpp_gateway.presence import Owner, Presence
from ocpp_gateway.pump import Pump
from ocpp_gateway.waiters import Waiters
from tenants.clients import Document
from tenants.directory import find_tenant

REPLACED = "replaced by a newer connection"
# A command that is longer is read from MongoDB by whoever waits: letters stay short, and so does what is remembered.
LONGEST_BODY = 64 * 1024

_Send = Callable[[str, Letter], Awaitable[bool | None]]

log = structlog.get_logger(__name__)


class Here(Protocol):
    """What this needs of the gateway."""

    instance: str
    presence: Presence
    mailbox: Mailbox
    connections: dict[tuple[str, str], Connection]
    pumps: dict[tuple[str, str], Pump]
    dispatcher: Dispatcher
    waiters: Waiters
    gate: Gate


class Letters:
    """The letters of one instance, written and taken."""

    def __init__(self, here: Here) -> None:
        self._here = here

    # -- Taken ---------------------------------------------------------------------------------------

    async def take(self, letter: Letter) -> None:
        """Do what another instance asks; returns soon."""
        tenant, kind = letter["tenant"], letter["kind"]
        if kind == "commands":
            self._look_for_commands(letter)
        elif kind == "ended":
            self._here.waiters.wake(tenant, letter["command_id"], letter.get("body", "").encode())
        elif kind == "evict":
            connection = self._here.connections.get((tenant, letter["station"]))
            if connection is not None and connection.station.epoch < letter["epoch"]:
                background(connection.close(POLICY_VIOLATION, REPLACED), "close_replaced")
        elif kind == LETTER:
            self._here.gate.reports.take(letter)
        elif kind == "cancel":
            # Waited for: whoever asked looks at the command when this letter is acknowledged.
            await self._cancel(tenant, letter["command_id"])

    def _look_for_commands(self, letter: Letter) -> None:
        pump = self._here.pumps.get((letter["tenant"], letter["station"]))
        if pump is not None:
            pump.start()
        elif not letter.get("forwarded"):
            background(self._forward(letter), "forward_letter")

    async def _forward(self, letter: Letter) -> None:
        """Pass on a letter about a station that has gone to another instance while the letter was on its way."""
        try:
            owner = await self._here.presence.lookup(letter["tenant"], letter["station"])
            if owner is not None and owner.instance != self._here.instance:
                await self._here.mailbox.send(owner.instance, {**letter, "forwarded": True})
        except (RedisError, OSError, MailboxFull) as error:
            log.info("letter_not_forwarded", station=letter["station"], error=str(error))

    async def _cancel(self, slug: str, command_id: str) -> None:
        tenant = await find_tenant(slug)
        command = await find_command(tenant, command_id) if tenant else None
        if tenant is not None and command is not None:
            await self._here.dispatcher.cancel(tenant, command, ask_owner=False)

    # -- Written -------------------------------------------------------------------------------------

    def evict(self, owner: Owner, epoch: int, taken: Callable[[], None]) -> None:
        """Have the instance that held the station before close its socket; `taken` is called if it lives to read it."""
        letter = {"kind": "evict", "tenant": owner.tenant, "station": owner.station, "epoch": epoch}
        # If it is lost: that socket is dead, or will notice at its next fenced write.
        background(self._evict(owner.instance, letter, taken), "evict")

    def ended(self, tenant: str, command: Document) -> None:
        """Wake whoever waits for a command, here or at the instance that took it in."""
        reply_to = command["reply_to"]
        if not reply_to:
            return
        body = command_body(command)
        if len(body) > LONGEST_BODY:
            body = b""
        if reply_to == self._here.instance:
            self._here.waiters.wake(tenant, command["_id"], body)
        else:
            # If it is lost: who waits looks for himself once a second.
            letter = {"kind": "ended", "tenant": tenant, "command_id": command["_id"], "body": body.decode()}
            background(self._write(reply_to, letter, self._here.mailbox.tell), "tell_ended")

    async def _evict(self, instance: str, letter: Letter, taken: Callable[[], None]) -> None:
        if await self._write(instance, letter, self._here.mailbox.send):
            taken()

    async def _write(self, instance: str, letter: Letter, send: _Send) -> bool:
        """Send a letter; return whether it was acknowledged."""
        try:
            return bool(await send(instance, letter))
        except (RedisError, OSError, MailboxFull) as error:
            log.info("letter_not_sent", kind=letter["kind"], instance=instance, error=str(error))
            return False
