"""Commands on their way: from the request to whichever instance holds the station's socket, and back.

The command itself lies in MongoDB; a letter to the owner only says that there is something to do. So a lost letter
loses no command, and what is sent is decided in one place: the pump of the connection that owns the station.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Protocol

import structlog
from redis.exceptions import RedisError

from chargepoints.commands import NewCommand, end_command, find_first, store_command, withdraw
from chargepoints.models import CommandState
from chargepoints.offline import act_for_offline, announce_waiting
from chargepoints.station import Station
from csms.errors import CsmsError
from ocpp_gateway.commands import effect_of
from ocpp_gateway.connection import Connection
from ocpp_gateway.housekeeping import Housekeeping
from ocpp_gateway.mailbox import Letter, Mailbox, MailboxFull
from ocpp_gateway.presence import Owner, Presence
from tenants.clients import Document
from tenants.directory import TenantRecord

# Who asks for a command is not kept longer by a Redis that stands still.
LOOKUP_SECONDS = 2.0

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
    """The instance that holds the station has more to do than it can take; nothing was changed."""

    code = "instance_busy"
    http_status = 503
    retry_after = 2


class Instance(Protocol):
    """What a dispatcher needs of the process it works in."""

    instance: str
    presence: Presence
    mailbox: Mailbox
    connections: dict[tuple[str, str], Connection]
    housekeeping: Housekeeping

    @property
    def redis_answers(self) -> bool: ...

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
            InstanceBusy: the owner takes no more; nothing was stored.
            StationOffline: the station is offline and nothing is kept for it; nothing was stored.
            chargepoints.commands.OtherRequest: the idempotency key was used for another command.
            StorageUnavailable: MongoDB is away; nothing was stored.
        """
        first = await find_first(tenant, new)
        if first is not None:
            return first, False  # whatever has become of the station since
        owner = await self._owner(tenant, new.charge_point_id)
        if owner is None and not tenant.queue_enabled:
            raise _offline("is not connected")
        command, fresh = await store_command(tenant, new, datetime.now(UTC))
        if fresh:
            await self._deliver(tenant, owner, command)
        return command, fresh

    async def _owner(self, tenant: TenantRecord, station_id: str) -> Owner | None:
        if not self._here.redis_answers:
            raise PresenceUnavailable("cannot find out where the station is: Redis is away")
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                return await self._here.presence.lookup(tenant.slug, station_id)
        except (RedisError, OSError) as error:
            log.warning("presence_unavailable", tenant=tenant.slug, station=station_id, error=repr(error))
            raise PresenceUnavailable("cannot find out where the station is: Redis is away") from None

    async def _deliver(self, tenant: TenantRecord, owner: Owner | None, command: Document) -> None:
        """Tell the owner of a command; take it back if he cannot be told and it would not wait for him."""
        self._here.housekeeping.look_soon(tenant.slug)  # its time may be over before anybody else takes notice of it
        if owner is None:
            if await announce_waiting(tenant, command["charge_point_id"], [command]):
                return
            # It has come meanwhile, and may have looked for commands before ours was stored.
            with suppress(PresenceUnavailable):
                owner = await self._owner(tenant, command["charge_point_id"])
            if owner is None:
                return  # then it will look once it is known, or is found by `overdue`
        refusal = await self._told(tenant, owner, command)
        if refusal is not None and await withdraw(tenant, command):
            raise refusal

    async def _told(self, tenant: TenantRecord, owner: Owner, command: Document) -> CsmsError | None:
        letter = {"kind": "commands", "tenant": tenant.slug, "station": owner.station}
        try:
            if await self._send(owner, letter):
                return None
        except MailboxFull:
            return InstanceBusy("the instance that holds the station has too much to do: try again shortly")
        except (RedisError, OSError) as error:
            log.warning("owner_not_told", tenant=tenant.slug, station=owner.station, error=repr(error))
            return PresenceUnavailable("the instance that holds the station cannot be told: Redis is away")
        log.info("owner_silent", tenant=tenant.slug, station=owner.station, instance=owner.instance)
        return None if tenant.queue_enabled else _offline("does not answer")

    async def _send(self, owner: Owner, letter: Letter) -> bool:
        if owner.instance == self._here.instance:
            await self._here.take_letter(letter)
            return True
        return await self._here.mailbox.send(owner.instance, letter)

    async def cancel(self, tenant: TenantRecord, command: Document, *, ask_owner: bool = True) -> None:
        """Cancel a command if it is still queued, or have the owner do it; the command itself tells what came of it.

        Raises:
            PresenceUnavailable: another instance would have to do it, and Redis is away.
        """
        if command["state"] != CommandState.QUEUED.value:
            return
        station_id = command["charge_point_id"]
        connection = self._here.connections.get((tenant.slug, station_id))
        station = connection.station if connection is not None else await act_for_offline(tenant, station_id)
        if station is not None:
            await self._cancel_as(station, command)
        elif ask_owner:
            await self._ask_to_cancel(tenant, command)

    async def _ask_to_cancel(self, tenant: TenantRecord, command: Document) -> None:
        owner = await self._owner(tenant, command["charge_point_id"])
        if owner is not None:
            letter = {"kind": "cancel", "tenant": tenant.slug, "command_id": command["_id"]}
            with suppress(RedisError, OSError, MailboxFull):  # the caller sees that it is still queued
                await self._here.mailbox.send(owner.instance, letter)

    async def _cancel_as(self, station: Station, command: Document) -> None:
        now, effect = datetime.now(UTC), effect_of(station, command)
        ended = await end_command(station, command, CommandState.CANCELLED, now, effect=effect)
        if ended is not None:
            self._here.command_ended(station.tenant.slug, ended)


def _offline(what: str) -> StationOffline:
    return StationOffline(f"the station {what}, and this tenant keeps no commands for later")
