"""Commands that nobody attends to: their time is over, their owner has vanished, or the word of them was lost."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import structlog
from bson import ObjectId
from pymongo.errors import PyMongoError

from chargepoints.commands import COMMANDS, end_command
from chargepoints.models import CommandState
from chargepoints.offline import LOST_WITH_INSTANCE, act_for_offline
from csms.errors import StorageUnavailable
from ocpp_gateway.commands import effect_of
from ocpp_gateway.connection import Connection
from ocpp_gateway.pump import Pump
from tenants.clients import Document
from tenants.directory import TenantRecord, all_tenants

LOOK_SECONDS = 10.0
# How long after its deadline a command counts as left alone by the connection it was sent on.
_GRACE = timedelta(seconds=10)
# Commands this young are looked for: a word of them that was lost must not make them wait for the next one.
_YOUNG = timedelta(seconds=60)
# Commands of one tenant attended to at one look.
_AT_ONCE = 1000

log = structlog.get_logger(__name__)


class Host(Protocol):
    """What this needs of the gateway."""

    connections: dict[tuple[str, str], Connection]
    pumps: dict[tuple[str, str], Pump]

    def command_ended(self, tenant: str, command: Document) -> None: ...


class Overdue:
    """Looks for such commands in every tenant, for ever."""

    def __init__(self, here: Host) -> None:
        self._here = here

    async def look_for_ever(self) -> None:
        """Look once every `LOOK_SECONDS`."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                for tenant in await all_tenants():
                    await self._look(tenant)
            except (PyMongoError, StorageUnavailable) as error:
                log.warning("overdue_commands_not_looked_for", error=str(error))

    async def _look(self, tenant: TenantRecord) -> None:
        found = tenant.database[COMMANDS].find(_overdue(datetime.now(UTC))).limit(_AT_ONCE)
        for command in await found.to_list():
            pump = self._here.pumps.get((tenant.slug, command["charge_point_id"]))
            if _expired(command):
                await self._end(tenant, command, CommandState.EXPIRED, None)
            elif pump is not None:
                pump.start()
            elif command["state"] == CommandState.SENT.value:
                await self._end(tenant, command, CommandState.FAILED, LOST_WITH_INSTANCE)

    async def _end(
        self, tenant: TenantRecord, command: Document, state: CommandState, error: dict[str, str] | None
    ) -> None:
        """End a command of a station that is connected here, or offline; any other has an owner to do it."""
        identity = command["charge_point_id"]
        connection = self._here.connections.get((tenant.slug, identity))
        station = connection.station if connection is not None else await act_for_offline(tenant, identity)
        if station is None:
            return
        now, effect = datetime.now(UTC), effect_of(station, command)
        ended = await end_command(station, command, state, now, error=error, effect=effect)
        if ended is not None:
            self._here.command_ended(tenant.slug, ended)


def _expired(command: Document) -> bool:
    over: bool = command["expires_at"] <= datetime.now(UTC)
    return over and command["state"] == CommandState.QUEUED.value


def _overdue(now: datetime) -> dict[str, Any]:
    young = str(ObjectId.from_datetime(now - _YOUNG))
    return {
        "$or": [
            {"state": CommandState.QUEUED.value, "expires_at": {"$lte": now}},
            {"state": CommandState.SENT.value, "deadline": {"$lte": now - _GRACE}},
            {"state": CommandState.QUEUED.value, "_id": {"$gte": young}},
        ]
    }
