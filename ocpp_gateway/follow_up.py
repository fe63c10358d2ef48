"""Commands that nobody has asked for: those that a boot, or the end of another command, leads to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from pymongo.errors import PyMongoError

from chargepoints.boot import note_set_up
from chargepoints.commands import NewCommand, open_commands, store_command, was_cut_off
from chargepoints.models import CommandState
from chargepoints.station import Station
from csms.errors import StorageUnavailable
from ocpp_gateway.commands import verb_of_action
from ocpp_gateway.protocol.versions import OcppVersion
from ocpp_gateway.system_commands import SYSTEM
from tenants.clients import Document

log = structlog.get_logger(__name__)


async def follow_up(station: Station, version: OcppVersion, ended: Document) -> bool:
    """Store the commands that a command's end leads to; return whether there are any."""
    verb = verb_of_action(version, ended["action"])
    try:
        new = await verb.follow_up(station, version, ended) if verb is not None and verb.follow_up is not None else []
        if await store_new(station, new):
            return True
        await _follow_setup(station, ended)
    except (StorageUnavailable, PyMongoError) as error:
        log.warning("follow_up_skipped", station=station.id, action=ended["action"], error=str(error))
    return False


async def _follow_setup(station: Station, ended: Document) -> None:
    """Note that a station is set up after its boot if this was the last command of ours that it had to answer."""
    if not station.setup_due or ended["requested_by"] != SYSTEM or was_cut_off(ended):
        return
    if not any(command["requested_by"] == SYSTEM for command in await open_commands(station)):
        await note_set_up(station)


async def store_new(station: Station, commands: Sequence[NewCommand]) -> int:
    """Store commands without those that wait already: a station that boots again and again must not collect them."""
    waiting = [
        (command["action"], command["payload"])
        for command in (await open_commands(station) if commands else [])
        if command["state"] == CommandState.QUEUED.value
    ]
    new = [command for command in commands if (command.action, command.payload) not in waiting]
    for command in new:
        await store_command(station.tenant, command, datetime.now(UTC))
    return len(new)
