"""Local lists that have become due without a message of their station: a token was changed, or the list itself."""

from __future__ import annotations

from datetime import datetime

from ocpp_gateway.follow_up import store_new
from ocpp_gateway.housekeeping import Host, Task
from ocpp_gateway.local_lists import next_step
from sessions_app.local_lists import LOCAL_LISTS, due, due_lists
from tenants.directory import TenantRecord


async def update_due_lists(here: Host, tenant: TenantRecord, now: datetime) -> None:
    """Begin the updates of the stations that are connected here."""
    for identity in await due_lists(tenant, now):
        pump = here.pumps.get((tenant.slug, identity))
        if pump is None or not pump.connection.station.may_work:
            continue
        station = pump.connection.station
        if await store_new(station, await next_step(station, pump.connection.version)):
            pump.start()


# A station that is not connected gets its list after its next boot.
TASK = Task(LOCAL_LISTS, due, update_due_lists, for_offline=False)
