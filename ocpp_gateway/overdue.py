"""Commands that nobody attends to: their time is over, their owner has vanished, or the word of them was lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bson import ObjectId

from chargepoints.commands import COMMANDS, end_command
from chargepoints.models import CommandState
from chargepoints.offline import LOST_WITH_INSTANCE
from ocpp_gateway.commands import effect_of
from ocpp_gateway.housekeeping import Host, Task, station_to_act_for
from tenants.clients import Document
from tenants.directory import TenantRecord

# How long after its deadline a command counts as left alone by the connection it was sent on.
_GRACE = timedelta(seconds=10)
# Commands this young are looked for: a word of them that was lost must not make them wait for the next one.
_YOUNG = timedelta(seconds=60)
# Commands of one tenant attended to at one look.
_AT_ONCE = 1000


def overdue(by: datetime) -> Document:
    """Return the filter of the commands to be attended to by then."""
    young = str(ObjectId.from_datetime(by - _YOUNG))
    return {
        "$or": [
            {"state": CommandState.QUEUED.value, "expires_at": {"$lte": by}},
            {"state": CommandState.SENT.value, "deadline": {"$lte": by - _GRACE}},
            {"state": CommandState.QUEUED.value, "_id": {"$gte": young}},
        ]
    }


async def end_overdue_commands(here: Host, tenant: TenantRecord, now: datetime) -> None:
    """End the commands whose time is over, and have those sent that a station here was not told of."""
    for command in await tenant.database[COMMANDS].find(overdue(now)).limit(_AT_ONCE).to_list():
        pump = here.pumps.get((tenant.slug, command["charge_point_id"]))
        if _expired(command, now):
            await _end(here, tenant, command, CommandState.EXPIRED, None)
        elif pump is not None:
            pump.start()
        elif command["state"] == CommandState.SENT.value:
            await _end(here, tenant, command, CommandState.FAILED, LOST_WITH_INSTANCE)


async def _end(
    here: Host, tenant: TenantRecord, command: Document, state: CommandState, error: dict[str, str] | None
) -> None:
    """End a command of a station that is connected here, or offline; any other has an owner to do it."""
    station = await station_to_act_for(here, tenant, command["charge_point_id"])
    if station is None:
        return
    now, effect = datetime.now(UTC), effect_of(station, command)
    ended = await end_command(station, command, state, now, error=error, effect=effect)
    if ended is not None:
        here.command_ended(tenant.slug, ended)


def _expired(command: Document, now: datetime) -> bool:
    over: bool = command["expires_at"] <= now
    return over and command["state"] == CommandState.QUEUED.value


TASK = Task(COMMANDS, overdue, end_overdue_commands)
