"""What a tenant's turns mean for its stations: imported ones are connected nowhere, deleted ones are forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from chargepoints.models import ChargePoint, Command, CommandState
from chargepoints.provisioning import forgotten_status
from tenants.archive.exporting import leave_out
from tenants.clients import Document, sync_database
from tenants.lifecycle import tenant_ending, tenant_imported
from tenants.models import Tenant
from tenants.routing import database_name

_ENDS = {CommandState.QUEUED: CommandState.CANCELLED, CommandState.SENT: CommandState.TIMED_OUT}
_REASON = {"code": "Imported", "description": "it was under way when the tenant was exported"}


def connect() -> None:
    """Take part in tenants' turns."""
    # The key itself; its hash stays.
    leave_out(Command._meta.db_table, "secret.payload")
    tenant_imported.connect(settle, dispatch_uid="chargepoints.settle")
    tenant_ending.connect(forgotten, dispatch_uid="chargepoints.forgotten")


def settle(sender: object, slug: str, **_: object) -> None:
    """Note that no station of an imported tenant is connected, and end its commands: they are not sent twice."""
    database = sync_database(database_name(slug))
    database[ChargePoint._meta.db_table].update_many({"connected": {"$ne": None}}, {"$set": {"connected": None}})
    for state, end in _ENDS.items():
        change: Document = {
            "state": end.value,
            "error": _REASON,
            "completed_at": datetime.now(UTC),
            "announced": True,
        }
        database[Command._meta.db_table].update_many({"state": state.value}, {"$set": change})


def forgotten(sender: object, tenant: Tenant, **_: object) -> Iterator[Document]:
    """Return the events by which the broker forgets the retained status of every station."""
    stations = sync_database(database_name(tenant.slug))[ChargePoint._meta.db_table]
    for station in stations.find({}, projection=["epoch"]):
        yield forgotten_status(tenant.slug, tenant.mqtt_topic_prefix, station)
