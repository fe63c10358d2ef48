"""Commands that nobody has asked for: those that a boot, or the end of another command, leads to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from pymongo.errors import PyMongoError

from chargepoints.commands import NewCommand, open_commands, store_command
from chargepoints.models import CommandState
from chargepoints.station import Station
from csms.errors import StorageUnavailable
from ocpp_gateway.commands import verb_of_action
from ocpp_gateway.protocol.versions import OcppVersion
from tenants.clients import Document

log = structlog.get_logger(__name__)


async def follow_up(station: Station, version: OcppVersion, ended: Document) -> bool:
    """Store the commands that a command's end leads to; return whether there are any."""
    verb = verb_of_action(version, ended["action"])
    if verb is None or verb.follow_up is None:
        return False
    try:
        return await store_new(station, await verb.follow_up(station, version, ended)) > 0
    except (StorageUnavailable, PyMongoError) as error:
        log.warning("follow_up_skipped", station=station.id, action=ended["action"], error=str(error))
        return False


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
