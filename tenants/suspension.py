"""Announcing that a tenant is suspended or resumed: once, by whoever of all instances notices first.

A tenant's status is changed in the admin, over REST and by commands. So it is not whoever changes it that announces it
but whoever looks: what was announced last is stored beside the tenant's data, in one transaction with the event.
"""

from __future__ import annotations

from datetime import datetime

from events.facts import Fact, announce, tenant_resumed, tenant_suspended
from tenants.clients import Document
from tenants.directory import TenantRecord
from tenants.group_commit import DuplicateRecord, NothingMatched
from tenants.unit_of_work import UnitOfWork

_COUNTERS = "counters"
_ANNOUNCED = "announced_status"
ACTIVE, SUSPENDED = "active", "suspended"


async def announce_status(tenant: TenantRecord, now: datetime) -> bool:
    """Store and announce that a tenant is suspended, or resumed; return False if that is known already."""
    status = ACTIVE if tenant.active else SUSPENDED
    known = await tenant.database[_COUNTERS].find_one({"_id": _ANNOUNCED})
    if status == (ACTIVE if known is None else known["status"]):
        return False
    unit = UnitOfWork(tenant)
    _note(unit, status, known)
    kind = tenant_resumed if tenant.active else tenant_suspended
    # Facts of a tenant are few and far between, so the time orders them.
    sequence = int(now.timestamp() * 1000)
    announce(unit, Fact(kind, tenant.slug, tenant.mqtt_topic_prefix, "", sequence, now, {"status": status}))
    try:
        await unit.commit()
    except (DuplicateRecord, NothingMatched):
        return False  # another instance was faster
    return True


def _note(unit: UnitOfWork, status: str, known: Document | None) -> None:
    if known is None:
        unit.insert(_COUNTERS, {"_id": _ANNOUNCED, "value": 0, "status": status})
    else:
        unit.update(
            _COUNTERS,
            {"_id": _ANNOUNCED, "status": known["status"]},
            {"$set": {"status": status}, "$inc": {"value": 1}},
            must_match=True,
        )
