"""The next step towards the list that a station shall hold: after a boot, and after each answer (OCPP 1.6 §5.15)."""

from __future__ import annotations

from datetime import UTC, datetime

from chargepoints.commands import NewCommand, open_commands
from chargepoints.configuration import whole_number
from chargepoints.connection import CHARGE_POINTS
from chargepoints.station import Station
from ocpp_gateway.local_list_payload import encode_update
from ocpp_gateway.protocol.versions import OcppVersion
from ocpp_gateway.system_commands import system_command
from sessions_app.local_list_plan import ListUpdate, next_update
from sessions_app.local_list_tokens import tokens_of
from sessions_app.local_lists import check_again, claim_list, has_list, settle_list
from tenants.clients import Document

# Entries in one update for a station that does not say how many it takes.
DEFAULT_PORTION = 100
# Longest tag of the versions that have these lists (OCPP 1.6 §7.27).
TAG_LENGTHS = {OcppVersion.V16: 20}
ACTIONS = frozenset({"GetLocalListVersion", "SendLocalList"})
# CALLERRORs of a station that knows nothing of local lists.
UNKNOWN_ACTION = frozenset({"NotImplemented", "NotSupported"})


async def check_after_boot(station: Station, version: OcppVersion) -> list[NewCommand]:
    """Return the question for the version of the list, for a station that shall have one."""
    if not await has_list(station.tenant, station.id):
        return []
    under_way = any(command["action"] in ACTIONS for command in await open_commands(station))
    await check_again(station.tenant, station.id, at_once=not under_way)
    return await next_step(station, version)


async def go_on(station: Station, version: OcppVersion, ended: Document) -> list[NewCommand]:
    """Return the update that follows a station's answer about its list, if any."""
    return await next_step(station, version)


async def next_step(station: Station, version: OcppVersion) -> list[NewCommand]:
    """Return what is to be sent to a station whose list is due, unless an update is under way."""
    tag_length = TAG_LENGTHS.get(version)
    if tag_length is None:
        return []
    now = datetime.now(UTC)
    while (local_list := await claim_list(station.tenant, station.id, now)) is not None:
        if local_list["ask"]:
            return [system_command(station, "GetLocalListVersion", {})]
        update, left_out = await _plan(station, local_list, tag_length, now)
        if update is not None:
            return [system_command(station, "SendLocalList", encode_update(update))]
        if await settle_list(station.tenant, local_list, left_out):
            break
    return []


async def _plan(
    station: Station, local_list: Document, tag_length: int, now: datetime
) -> tuple[ListUpdate | None, int]:
    """Return the next update, and how many tokens the station has no room for."""
    wanted = await tokens_of(station.tenant, local_list, now, tag_length=tag_length)
    stored = await station.tenant.database[CHARGE_POINTS].find_one({"_id": station.id}, projection=["configuration"])
    settings = (stored or {}).get("configuration") or {}
    portion = whole_number(settings, "SendLocalListMaxLength") or DEFAULT_PORTION
    room = whole_number(settings, "LocalAuthListMaxLength") or len(wanted)
    return next_update(local_list, wanted[:room], portion), max(len(wanted) - room, 0)
