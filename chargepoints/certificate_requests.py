"""Signing requests of stations: kept with what came of them, so that an operator sees what is wrong."""

from __future__ import annotations

from datetime import datetime, timedelta

from bson import ObjectId
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from chargepoints.certificates import BadRequest
from chargepoints.commands import NewCommand, add_command
from chargepoints.connection import CHARGE_POINTS
from chargepoints.models import CertificateRequest, CertificateStatus, CommandState
from chargepoints.station import Station
from events.facts import certificate_requested
from tenants.clients import Document
from tenants.directory import TenantRecord
from tenants.grouped_reads import grouped_reads
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


async def require_own_name(station: Station, request: x509.CertificateSigningRequest) -> None:
    """Check that a request is not in the name of another station, by which this one may call its serial number.

    Raises:
        BadRequest: it is.
    """
    [name] = [str(one.value) for one in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if name == station.id:
        return
    if await station.tenant.database[CHARGE_POINTS].find_one({"_id": name}, projection=["_id"]) is not None:
        raise BadRequest(f"the common name is {name!r}, which is another station's identity")


async def was_given_to_another(tenant: TenantRecord, identity: str, pem: str) -> bool:
    """Return whether a certificate is the answer to another station's request, whatever it says of itself.

    A serial number is what a station says it is, and a signer who is not our own CA knows no better.
    """
    reads = grouped_reads(tenant, REQUESTS, field="fingerprint", projection=("charge_point_id",))
    return any(one["charge_point_id"] != identity for one in await reads.find(_fingerprint(pem)))


def _fingerprint(pem: str) -> str:
    return x509.load_pem_x509_certificates(pem.encode("utf-8"))[0].fingerprint(hashes.SHA256()).hex()


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
        "fingerprint": _fingerprint(chain) if chain else "",
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
