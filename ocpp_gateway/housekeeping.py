"""What becomes due without anybody's message: the end of reservations and commands, lists that stations are to get.

Every `HOUSEKEEPING_INTERVAL` an instance looks in the tenants that concern it, and once a minute in the others
(`ocpp_gateway.turns`), with one read each; it takes what belongs to its own stations or to nobody's. Each step is
conditional, so two that look at the same moment do it once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import structlog
from django.conf import settings
from pymongo.errors import PyMongoError

from chargepoints.offline import act_for_offline
from chargepoints.station import Station
from csms.errors import StorageUnavailable
from ocpp_gateway.connection import Connection
from ocpp_gateway.pump import Pump
from ocpp_gateway.turns import AHEAD_SECONDS, Turns
from tenants.clients import Document
from tenants.directory import TenantRecord, all_tenants
from tenants.group_commit import UnitFailed

log = structlog.get_logger(__name__)


class Host(Protocol):
    """What housekeeping needs of the gateway."""

    instance: str
    connections: dict[tuple[str, str], Connection]
    pumps: dict[tuple[str, str], Pump]

    def command_ended(self, tenant: str, command: Document) -> None: ...


# Looks after one tenant.
Routine = Callable[[Host, TenantRecord, datetime], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Task:
    """Something that becomes due in a tenant.

    Attributes:
        collection: where it lies.
        due: the filter of what is due by a moment.
        attend: does what is due now.
        for_offline: whether it is also done for stations that are not connected.
    """

    collection: str
    due: Callable[[datetime], Document]
    attend: Routine
    for_offline: bool = True


class Housekeeping:
    """The looks of one process. `followers` are called at each of them for every tenant, and read nothing as a rule."""

    def __init__(
        self,
        here: Host,
        tasks: tuple[Task, ...],
        followers: tuple[Routine, ...],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._here = here
        self._clock = clock
        self._tasks = tasks
        self._far_tasks = tuple(task for task in tasks if task.for_offline)
        self._followers = followers
        self._turns = Turns(here.instance)

    def look_soon(self, slug: str) -> None:
        """Look in a tenant often for a while: something of a station that is not here may become due."""
        self._turns.touch(slug, self._clock())

    def look_everywhere(self) -> None:
        """Look in every tenant at the next look."""
        self._turns.touch_all()

    async def look_for_ever(self) -> None:
        """Look for ever; what fails is tried again at the tenant's next turn."""
        while True:
            await asyncio.sleep(settings.HOUSEKEEPING_INTERVAL)
            try:
                await self.look()
            except PyMongoError as error:
                log.warning("housekeeping_failed", error=str(error))

    async def look(self) -> None:
        """Look in every tenant whose turn it is.

        Raises:
            pymongo.errors.PyMongoError: it cannot be told which tenants there are.
        """
        tenants = {tenant.slug: tenant for tenant in await all_tenants()}
        for tenant in tenants.values():
            for follow in self._followers:
                await self._try(follow, tenant)
        for turn in self._turns.due(tenants, {slug for slug, _ in self._here.connections}, self._clock()):
            await self._try(self._look_near if turn.near else self._look_far, tenants[turn.slug])

    async def _look_near(self, here: Host, tenant: TenantRecord, now: datetime) -> None:
        for task in await _due(tenant, self._tasks, now):
            await self._try(task.attend, tenant)

    async def _look_far(self, here: Host, tenant: TenantRecord, now: datetime) -> None:
        """Look whether something will become due before the next look like this, and if so, look often from now on."""
        if await _due(tenant, self._far_tasks, now + timedelta(seconds=AHEAD_SECONDS)):
            self.look_soon(tenant.slug)
            await self._look_near(here, tenant, now)

    async def _try(self, routine: Routine, tenant: TenantRecord) -> None:
        """Look after one tenant; what is wrong with one tenant's database is no other's business."""
        try:
            await routine(self._here, tenant, datetime.now(UTC))
        except (PyMongoError, StorageUnavailable, UnitFailed) as error:
            log.warning("housekeeping_failed", routine=routine.__name__, tenant=tenant.slug, error=str(error))
            self.look_soon(tenant.slug)


async def _due(tenant: TenantRecord, tasks: tuple[Task, ...], by: datetime) -> list[Task]:
    """Return the tasks for which there is something to do by a moment, asked all at once."""
    first, *others = [(task.collection, _probe(place, task, by)) for place, task in enumerate(tasks)]
    unions = [{"$unionWith": {"coll": collection, "pipeline": probe}} for collection, probe in others]
    found = await tenant.database[first[0]].aggregate([*first[1], *unions])
    return [tasks[document["task"]] for document in await found.to_list()]


def _probe(place: int, task: Task, by: datetime) -> list[dict[str, Any]]:
    return [{"$match": task.due(by)}, {"$limit": 1}, {"$project": {"_id": 0, "task": {"$literal": place}}}]


async def station_to_act_for(here: Host, tenant: TenantRecord, identity: str) -> Station | None:
    """Return a station that is connected here, or offline; any other has an owner who acts for it."""
    connection = here.connections.get((tenant.slug, identity))
    return connection.station if connection is not None else await act_for_offline(tenant, identity)
