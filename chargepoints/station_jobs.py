"""Jobs of stations: firmware updates and uploads of logs, followed from the request to the last report.

A job begins with the end of the command that asks for it, or with a report that fits no job here: somebody has
started it at the station. Reports may come before the command's end is stored, so both only add to the document.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from bson import ObjectId

from chargepoints.commands import COMMANDS
from chargepoints.models import CommandState, FirmwareJob, FirmwareStatus, LogJob, LogKind, LogStatus
from chargepoints.station import StaleConnection, Station
from csms.shown_urls import shown_url
from events.facts import FactKind, firmware_status_changed, log_status_changed
from tenants.clients import Document
from tenants.group_commit import NothingMatched
from tenants.unit_of_work import UnitOfWork

# A station that reports for ever must not fill a document.
HISTORY = 100
_SENT = (CommandState.SENT.value, CommandState.ACCEPTED.value)
_IDLE, _REQUESTED, _CANCELLED = "idle", "requested", "cancelled"


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of job: where it is stored, what is announced, which status is its good end, and which are bad ones."""

    collection: str
    fact: FactKind
    done: str
    failed: tuple[str, ...]
    defaults: Document = field(default_factory=dict)


FIRMWARE = Family(
    FirmwareJob._meta.db_table,
    firmware_status_changed,
    FirmwareStatus.INSTALLED.value,
    (
        FirmwareStatus.DOWNLOAD_FAILED.value,
        FirmwareStatus.INVALID_SIGNATURE.value,
        FirmwareStatus.INVALID_CERTIFICATE.value,
        FirmwareStatus.REVOKED_CERTIFICATE.value,
        FirmwareStatus.INSTALLATION_FAILED.value,
        FirmwareStatus.INSTALL_VERIFICATION_FAILED.value,
        FirmwareStatus.REJECTED.value,
    ),
    {"signed": False, "retrieve_at": None, "install_at": None, "retries": None, "retry_interval": None},
)
LOGS = Family(
    LogJob._meta.db_table,
    log_status_changed,
    LogStatus.UPLOADED.value,
    (
        LogStatus.UPLOAD_FAILED.value,
        LogStatus.BAD_MESSAGE.value,
        LogStatus.NOT_SUPPORTED.value,
        LogStatus.PERMISSION_DENIED.value,
        LogStatus.NO_FILE.value,
        LogStatus.REJECTED.value,
    ),
    {
        "kind": LogKind.DIAGNOSTICS.value,
        "oldest": None,
        "newest": None,
        "file_name": "",
        "upload_id": "",
        "retries": None,
        "retry_interval": None,
    },
)


def begin_job(
    unit: UnitOfWork,
    station: Station,
    family: Family,
    command: Document,
    *,
    facts: Document,
    status: str,
    now: datetime,
) -> None:
    """Add to a unit of work the job that a command has asked for; `facts` are its own fields.

    A report may have been faster: then the job has its status from there.
    """
    given = {"location": "", "request_id": None, **family.defaults, **facts, "requested_by": command["requested_by"]}
    # A report may have come before the answer was stored, and the history is in the order of its times.
    at = command["sent_at"] if status == _REQUESTED else now
    given["location"] = shown_url(given["location"])  # the command knows the whole of it
    change: Document = {
        "$set": {**given, "charge_point_id": station.id, "created_at": command["created_at"]},
        "$setOnInsert": {"status": status, "updated_at": now},
        "$push": {"history": {"$each": [_entry(status, at)], "$position": 0}},
    }
    unit.update(family.collection, {"_id": command["_id"]}, change, upsert=True)


def cancel_replaced(unit: UnitOfWork, station: Station, family: Family, command: Document, now: datetime) -> None:
    """Add to a unit of work that the job before this command is over: the station has dropped it for the new one."""
    ends = [family.done, *family.failed, _CANCELLED]
    older = {"$lt": command["created_at"]}
    query = {"charge_point_id": station.id, "created_at": older, "status": {"$nin": ends}}
    change = {
        "$set": {"status": _CANCELLED, "updated_at": now},
        "$push": {"history": {"$each": [_entry(_CANCELLED, now)], "$slice": -HISTORY}},
    }
    unit.update(family.collection, query, change)


async def record_report(
    station: Station, family: Family, status: str, *, request_id: int | None, actions: tuple[str, ...], now: datetime
) -> None:
    """Store and announce what a station says of a job; `actions` are those of the commands that ask for such jobs.

    Raises:
        StaleConnection: another connection owns the station now; nothing was stored.
    """
    job_id, known = await _job_of(station, family, status, request_id, actions)
    unit = station.unit_of_work()
    station.fence(unit, now)
    if job_id is not None:
        unit.update(family.collection, {"_id": job_id}, _report(station, family, status, request_id, now), upsert=True)
    data = {"job_id": job_id, "request_id": request_id, "status": status, "requested": known}
    station.announce(unit, family.fact, now, data)
    try:
        await unit.commit()
    except NothingMatched:
        raise StaleConnection(station.id) from None


def _report(station: Station, family: Family, status: str, request_id: int | None, now: datetime) -> Document:
    first = {
        "charge_point_id": station.id,
        "request_id": request_id,
        "location": "",
        "requested_by": "",
        "created_at": now,
        **family.defaults,
    }
    latest: Document = {"updated_at": now}
    # Idle says that nothing is under way, not how what was under way has ended.
    (first if status == _IDLE else latest)["status"] = status
    push = {"history": {"$each": [_entry(status, now)], "$slice": -HISTORY}}
    return {"$set": latest, "$setOnInsert": first, "$push": push}


async def _job_of(
    station: Station, family: Family, status: str, request_id: int | None, actions: tuple[str, ...]
) -> tuple[str | None, bool]:
    """Return the id of the job a report belongs to, None for none, and whether it was asked for here."""
    job, command = await _newest(station, family, request_id, actions)
    if command is not None and (job is None or job["created_at"] < command["created_at"]):
        return command["_id"], True
    if job is not None and (job["status"] != family.done or status in (family.done, _IDLE) or request_id is not None):
        return job["_id"], bool(job["requested_by"])
    return (None if status == _IDLE else str(ObjectId())), False


async def _newest(
    station: Station, family: Family, request_id: int | None, actions: tuple[str, ...]
) -> tuple[Document | None, Document | None]:
    """Return the newest job, and the newest command for one, that a report may be about."""
    database = station.tenant.database
    jobs: Document = {"charge_point_id": station.id}
    commands: Document = {
        "charge_point_id": station.id,
        "state": {"$in": list(_SENT)},
        "action": {"$in": list(actions)},
    }
    if request_id is not None:
        jobs["request_id"] = commands["payload.requestId"] = request_id
    job = await database[family.collection].find_one(jobs, sort=[("created_at", -1), ("_id", -1)])
    command = await database[COMMANDS].find_one(commands, sort=[("_id", -1)])
    return job, command


def _entry(status: str, now: datetime) -> dict[str, str]:
    return {"status": status, "at": now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")}
