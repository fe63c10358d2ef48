"""Signing requests of stations: kept with what came of them, so that an operator sees what is wrong."""

from __future__ import annotations

from datetime import datetime, timedelta

from bson import ObjectId

from chargepoints.commands import NewCommand, add_command
from chargepoints.models import CertificateRequest, CertificateStatus, CommandState
from chargepoints.station import Station
from events.facts import certificate_requested
from tenants.clients import Document
from tenants.unit_of_work import UnitOfWork

REQUESTS = CertificateRequest._meta.db_table
_MAX_REASON = 300
REPEATED_WITHIN = timedelta(minutes=10)
# Any other end than these leaves the station without an answer.
_ENDS = {
    CommandState.ACCEPTED.value: CertificateStatus.INSTALLED,
    CommandState.REJECTED.value: CertificateStatus.NOT_TAKEN,
}
_UNSETTLED = (CertificateStatus.SIGNED.value, CertificateStatus.UNANSWERED.value)


async def is_repeated(station: Station, csr: str, now: datetime) -> bool:
    """Return whether a request was signed already: it is sent again after a lost answer.

    Its certificate may even be faster than that. The same request long after it was installed is a new one.
    """
    signed = {"status": CertificateStatus.SIGNED.value}
    installed = {"status": CertificateStatus.INSTALLED.value, "updated_at": {"$gte": now - REPEATED_WITHIN}}
    query = {"charge_point_id": station.id, "csr": csr, "$or": [signed, installed]}
    return await station.tenant.database[REQUESTS].find_one(query, projection=["_id"]) is not None


async def record_signed(station: Station, csr: str, chain: str, bringing: NewCommand, now: datetime) -> None:
    """Store and announce a request that was signed, together with the command that brings the station its chain."""
    unit = station.unit_of_work()
    add_command(unit, bringing, now)
    _add_request(unit, station, csr, now, chain=chain)
    await unit.commit()


async def record_refused(station: Station, csr: str, reason: str, now: datetime) -> None:
    """Store and announce a request that was refused, with the reason."""
    unit = station.unit_of_work()
    _add_request(unit, station, csr, now, reason=reason)
    await unit.commit()


def _add_request(
    unit: UnitOfWork, station: Station, csr: str, now: datetime, *, chain: str = "", reason: str = ""
) -> None:
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
    unit.insert(REQUESTS, document)
    told = {name: document[name] for name in ("status", "reason")}
    station.announce(unit, certificate_requested, now, {"certificate_request_id": document["_id"], **told})


def settle_request(unit: UnitOfWork, station: Station, chain: str, ended: Document, now: datetime) -> None:
    """Add to a unit of work what the station has done with a chain."""
    status = _ENDS.get(ended["state"], CertificateStatus.UNANSWERED)
    query = {"charge_point_id": station.id, "chain": chain, "status": {"$in": _UNSETTLED}}
    unit.update(REQUESTS, query, {"$set": {"status": status.value, "updated_at": now}})
