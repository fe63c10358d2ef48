"""Which session a station's transaction belongs to, remembered so that meter values cost no read.

Whose a transaction is never changes once it exists, so a remembered one cannot be wrong. The look-up is by tenant,
station and transaction: a station never reaches another one's session.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from sessions_app.authorization import SESSIONS
from tenants.clients import Document
from tenants.directory import TenantRecord

REMEMBERED = 50_000


@dataclass(slots=True)
class SessionKey:
    """What meter values need to know of their session; `newest` is the time of the latest reading seen here."""

    session_id: str
    evse_id: int | None
    connector_id: int | None
    start_meter_value: float | None
    newest: datetime | None = None


_remembered: OrderedDict[tuple[str, str, int], SessionKey] = OrderedDict()


def remember(tenant: TenantRecord, station: str, document: Document) -> SessionKey:
    """Keep what `find` would read."""
    key = SessionKey(document["_id"], document["evse_id"], document["connector_id"], document["start_meter_value"])
    _remembered[tenant.slug, station, document["transaction_id"]] = key
    if len(_remembered) > REMEMBERED:
        _remembered.popitem(last=False)
    return key


def forget(tenant: TenantRecord, station: str, transaction_id: int) -> None:
    """Drop a session that has ended."""
    _remembered.pop((tenant.slug, station, transaction_id), None)


def remembered(tenant: TenantRecord, station: str, transaction_id: int) -> SessionKey | None:
    """Return the session of a station's transaction if it is remembered."""
    return _remembered.get((tenant.slug, station, transaction_id))


async def find(tenant: TenantRecord, station: str, transaction_id: int) -> SessionKey | None:
    """Return the session of a station's transaction, or None if this station never had it."""
    known = remembered(tenant, station, transaction_id)
    if known is not None:
        return known
    document = await tenant.database[SESSIONS].find_one(
        {"charge_point_id": station, "transaction_id": transaction_id},
        projection=["evse_id", "connector_id", "start_meter_value", "transaction_id"],
    )
    return None if document is None else remember(tenant, station, document)
