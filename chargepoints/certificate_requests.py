"""Signing requests of stations: kept with what came of them, so that an operator sees what is wrong."""

from __future__ import annotations

from datetime import datetime

from bson import ObjectId

from chargepoints.models import CertificateRequest, CertificateStatus, CommandState
from chargepoints.station import Station
from events.facts import certificate_requested
from tenants.clients import Document
from tenants.unit_of_work import UnitOfWork

REQUESTS = CertificateRequest._meta.db_table
_MAX_REASON = 300
_ENDS = {
    CommandState.ACCEPTED.value: CertificateStatus.INSTALLED,
    CommandState.REJECTED.value: CertificateStatus.NOT_TAKEN,
    CommandState.FAILED.value: CertificateStatus.UNANSWERED,
    CommandState.TIMED_OUT.value: CertificateStatus.UNANSWERED,
}


async def record_request(station: Station, csr: str, *, chain: str = "", reason: str = "", now: datetime) -> None:
    """Store and announce a request, with the chain it was answered with or the reason why it was refused."""
    document = {
        "_id": str(ObjectId()),
        "charge_point_id": station.id,
        "status": (CertificateStatus.SIGNED if chain else CertificateStatus.REFUSED).value,
        "csr": csr,
        "chain": chain,
        "reason": reason[:_MAX_REASON],
        "received_at": now,
        "updated_at": now,
    }
    unit = station.unit_of_work()
    unit.insert(REQUESTS, document)
    told = {name: document[name] for name in ("status", "reason")}
    station.announce(unit, certificate_requested, now, {"certificate_request_id": document["_id"], **told})
    await unit.commit()


def settle_request(unit: UnitOfWork, station: Station, chain: str, ended: Document, now: datetime) -> None:
    """Add to a unit of work what the station has done with a chain."""
    status = _ENDS.get(ended["state"])
    if status is not None:
        query = {"charge_point_id": station.id, "chain": chain}
        unit.update(REQUESTS, query, {"$set": {"status": status.value, "updated_at": now}})
