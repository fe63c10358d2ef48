"""What becomes due without anybody's message: reservations whose time is over, lists that stations are yet to get.

Every instance looks in every tenant, once every `HOUSEKEEPING_INTERVAL`, and takes what belongs to its own stations or
to nobody's; each step is conditional, so two that look at the same moment do it once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol

import structlog
from django.conf import settings
from pymongo.errors import PyMongoError

from chargepoints.offline import act_for_offline
from chargepoints.station import Station
from csms.errors import StorageUnavailable
from ocpp_gateway.connection import Connection
from ocpp_gateway.pump import Pump
from tenants.directory import TenantRecord, all_tenants
from tenants.group_commit import UnitFailed

log = structlog.get_logger(__name__)


class Host(Protocol):
    """What housekeeping needs of the gateway."""

    connections: dict[tuple[str, str], Connection]
    pumps: dict[tuple[str, str], Pump]


# Looks after one tenant.
Routine = Callable[[Host, TenantRecord, datetime], Awaitable[None]]


async def look_for_ever(here: Host, routines: tuple[Routine, ...]) -> None:
    """Run the routines in every tenant, for ever; what fails is tried again at the next look."""
    while True:
        await asyncio.sleep(settings.HOUSEKEEPING_INTERVAL)
        try:
            tenants = await all_tenants()
        except PyMongoError as error:
            log.warning("housekeeping_failed", error=str(error))
            continue
        for routine in routines:
            for tenant in tenants:
                await _look(here, routine, tenant)


async def _look(here: Host, routine: Routine, tenant: TenantRecord) -> None:
    """Run one routine in one tenant; what is wrong with one tenant's database is no other's business."""
    try:
        await routine(here, tenant, datetime.now(UTC))
    except (PyMongoError, StorageUnavailable, UnitFailed) as error:
        log.warning("housekeeping_failed", routine=routine.__name__, tenant=tenant.slug, error=str(error))


async def station_to_act_for(here: Host, tenant: TenantRecord, identity: str) -> Station | None:
    """Return a station that is connected here, or offline; any other has an owner who acts for it."""
    connection = here.connections.get((tenant.slug, identity))
    return connection.station if connection is not None else await act_for_offline(tenant, identity)
