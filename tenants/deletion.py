"""Deleting a tenant for good: nothing of it stays in MongoDB, in Redis or at the MQTT broker.

Each step may be repeated, so a deletion that was killed is finished by asking for it again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from django.conf import settings
from pymongo.collection import Collection
from pymongo.database import Database

from csms.errors import Conflict
from events.lease import LEASES
from events.outbox import OUTBOX, outbox_row
from tenants.clients import Document, sync_client, sync_database
from tenants.directory import CACHE_SECONDS
from tenants.lifecycle import tenant_ending, tenant_gone
from tenants.models import Tenant, User
from tenants.routing import database_name

_ROW_EVENTS = 500
_LOOK_SECONDS = 0.5
# An instance has seen all its sockets after so many looks, with some time to say goodbye.
_LOOKS = 5
# What is on its way to the database when a socket has closed (the message log).
_LAST_WRITES_SECONDS = 2.0
# By then every instance has read that the tenant is suspended, and acted on it.
SETTLED = timedelta(seconds=2 * CACHE_SECONDS)


class TenantInUse(Conflict):
    """The tenant cannot be deleted now; the text says what is to be done or waited for."""

    code = "tenant_in_use"


class NotSettled(TenantInUse):
    """It can be deleted in a moment, without anybody doing anything."""

    retry_after = 2


def check_deletable(tenant: Tenant, now: datetime) -> None:
    """Check that nobody uses a tenant any more, and that all its events are with the broker.

    Raises:
        TenantInUse: it is active: suspend it first.
        NotSettled: it was suspended just now, stations are being disconnected, or events are yet to be sent.
    """
    if tenant.status != Tenant.Status.SUSPENDED:
        raise TenantInUse(f"the tenant {tenant.slug!r} is active: suspend it first, then delete it")
    changed = tenant.updated_at if tenant.updated_at.tzinfo else tenant.updated_at.replace(tzinfo=UTC)
    if now - changed < SETTLED:
        raise NotSettled(f"the tenant {tenant.slug!r} was changed just now: try again in some seconds")
    database = _database(tenant.slug)
    connected = _connected(database)
    if connected:
        raise NotSettled(f"{connected} stations of {tenant.slug!r} are still connected: they are being disconnected")
    waiting = database[OUTBOX].count_documents({}, limit=1000)
    if waiting:
        raise NotSettled(
            f"{waiting} batches of events of {tenant.slug!r} are not with the broker yet: is publish_events running?"
        )


def delete_tenant(tenant: Tenant) -> None:
    """Delete a tenant with its database, its members and what is kept of it elsewhere.

    People who belong to no other tenant go with it. Check `check_deletable` before: stations that are still connected
    are sent away now, and what they say meanwhile is lost; events that were not sent are, too.
    """
    slug = tenant.slug
    database = _database(slug)
    _send_stations_away(slug, database)
    _say_last(sync_client()[settings.MONGODB_GLOBAL_DATABASE][OUTBOX], _last_events(tenant))
    database.client.drop_database(database.name)
    tenant_gone.send(sender=Tenant, slug=slug)
    people = list(User.objects.filter(memberships__tenant_id=slug, is_superuser=False).values_list("pk", flat=True))
    tenant.delete()
    User.objects.filter(pk__in=people, memberships__isnull=True).delete()
    sync_client()[settings.MONGODB_GLOBAL_DATABASE][LEASES].delete_one({"_id": slug})
    # Whoever was still writing may have made it again.
    database.client.drop_database(database.name)


def _send_stations_away(slug: str, database: Database[Document]) -> None:
    """Have every instance close the sockets that are left: what they store later would make the database again."""
    Tenant.objects.filter(slug=slug).update(database_ready=False)
    if not _connected(database):
        return
    end = time.monotonic() + CACHE_SECONDS + _LOOKS * settings.HOUSEKEEPING_INTERVAL
    while _connected(database) and time.monotonic() < end:
        time.sleep(_LOOK_SECONDS)
    time.sleep(_LAST_WRITES_SECONDS)


def _connected(database: Database[Document]) -> int:
    return database["charge_points"].count_documents({"connected": {"$ne": None}}, limit=1000)


def _database(slug: str) -> Database[Document]:
    return sync_database(database_name(slug))


def _last_events(tenant: Tenant) -> Iterator[Document]:
    for _, events in tenant_ending.send(sender=Tenant, tenant=tenant):
        yield from events or ()


def _say_last(outbox: Collection[Document], events: Iterable[Document]) -> None:
    """Leave events in the platform's own outbox, from where the publisher sends them when the database is gone."""
    left = iter(events)
    while row := list(islice(left, _ROW_EVENTS)):
        outbox.insert_one(outbox_row(row))
