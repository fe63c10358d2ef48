"""Local authorization lists: what stations say of theirs, and what makes an update due (OCPP 1.6 §3.5, §5.15)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pymongo import ReturnDocument
from pymongo.collation import Collation

from chargepoints.models import TenantCounter
from chargepoints.station import Station
from sessions_app.local_list_plan import ListUpdate
from sessions_app.models import LocalList
from tenants.clients import Document, sync_database
from tenants.context import require_tenant
from tenants.directory import TenantRecord
from tenants.grouped_reads import grouped_reads
from tenants.routing import database_name
from tenants.unit_of_work import UnitOfWork

LOCAL_LISTS = LocalList._meta.db_table
OFF, ALL, GROUP = LocalList.Mode.OFF.value, LocalList.Mode.ALL.value, LocalList.Mode.GROUP.value
# Longer than the command of an update lives; a process that dies with one under way delays the next by this much.
CLAIM = timedelta(minutes=15)
# After an update without an answer.
PAUSE = timedelta(minutes=1)
# A refusal is answered with a full update; a second one in a row, or many silences, end the attempts until something
# changes, the station boots, or somebody asks for it.
PATIENCE, REFUSAL, SILENCE = 10, 5, 1
# Counts the changes of tokens, so that what was read of them can be kept until the next one.
COUNTERS, REVISION = TenantCounter._meta.db_table, "id_tokens"
# Tags are compared without regard to case.
_ANY_CASE = Collation("en", strength=2)


# -- What makes an update due (from threads) ---------------------------------------------------------------------------


def tokens_changed(*parents: str) -> None:
    """Have the lists updated that hold a token which was created, changed or deleted.

    Args:
        parents: the groups it belonged to before and belongs to now.
    """
    groups = [parent for parent in parents if parent]
    query: Document = {"mode": ALL}
    if groups:
        query = {"mode": {"$in": [ALL, GROUP]}, "$or": [{"mode": ALL}, {"parent_id_tag": {"$in": groups}}]}
    query["supported"] = {"$ne": False}
    change = {"$set": {"due": True, "trouble": 0}, "$inc": {"changes": 1}}
    database = sync_database(database_name(require_tenant()))
    database[COUNTERS].update_one({"_id": REVISION}, {"$inc": {"value": 1}}, upsert=True)
    database[LOCAL_LISTS].update_many(query, change, collation=_ANY_CASE)


# -- What stations say (from the gateway) ------------------------------------------------------------------------------


def record_accepted(unit: UnitOfWork, station: Station, update: ListUpdate, now: datetime) -> None:
    """Add to a unit of work that a station has taken an update. Whether more is to be done is found out later."""
    query = {"_id": station.id}
    held = [entry.held for entry in update.entries if entry.status is not None]
    known = {"version": update.version, "supported": True, "answer": "accepted", "updated_at": now}
    change: dict[str, Any] = {**known, "busy_until": None}
    if update.full:
        unit.update(LOCAL_LISTS, query, {"$set": {**change, "held": held, "full": False}})
    else:
        tags = [entry.key for entry in update.entries]
        unit.update(LOCAL_LISTS, query, {"$set": change, "$pull": {"held": {"tag": {"$in": tags}}}})
        unit.update(LOCAL_LISTS, query, {"$push": {"held": {"$each": held}}})
    # Where no list is kept, a list that somebody sends by command is left as it is.
    unit.update(LOCAL_LISTS, {"_id": station.id, "mode": {"$ne": OFF}}, {"$set": {"due": True}})


def record_refused(unit: UnitOfWork, station: Station, answer: str, now: datetime, *, ask: bool) -> None:
    """Add to a unit of work that a station has refused an update: it gets a full one.

    Args:
        ask: whether it is asked for its version first, because it holds another one than we thought.
    """
    change = {"full": True, "answer": answer, "busy_until": None, "checked_at": now}
    _set_back(unit, station, change | ({"ask": True} if ask else {}), REFUSAL)


def record_silence(unit: UnitOfWork, station: Station, answer: str, now: datetime) -> None:
    """Add to a unit of work that nobody knows what a station has made of an update."""
    _set_back(unit, station, {"full": True, "ask": True, "answer": answer, "busy_until": now + PAUSE}, SILENCE)


def _set_back(unit: UnitOfWork, station: Station, change: Document, trouble: int) -> None:
    unit.update(LOCAL_LISTS, {"_id": station.id}, {"$set": change, "$inc": {"trouble": trouble}})
    unit.update(LOCAL_LISTS, {"_id": station.id, "trouble": {"$gte": PATIENCE}}, {"$set": {"due": False}})


def record_unsupported(unit: UnitOfWork, station: Station, now: datetime) -> None:
    """Add to a unit of work that a station has no local list; it is not asked again."""
    change = {"supported": False, "due": False, "busy_until": None, "answer": "not_supported", "checked_at": now}
    unit.update(LOCAL_LISTS, {"_id": station.id}, {"$set": change | {"held": [], "version": 0, "entry_count": 0}})


def record_version(unit: UnitOfWork, station: Station, version: int, now: datetime) -> None:
    """Add to a unit of work which version a station says it holds; with another one than ours it gets a full list."""
    known = {"ask": False, "supported": True, "busy_until": None, "checked_at": now}
    unit.update(LOCAL_LISTS, {"_id": station.id}, {"$set": known})
    other = {"_id": station.id, "version": {"$ne": version}}
    unit.update(LOCAL_LISTS, other, {"$set": {"version": version, "held": [], "full": True}})
    unit.update(LOCAL_LISTS, {"_id": station.id, "full": True, "mode": {"$ne": OFF}}, {"$set": {"due": True}})


# -- What is to be done (from the gateway) -----------------------------------------------------------------------------


async def has_list(tenant: TenantRecord, identity: str) -> bool:
    """Return whether a station has, or had, a list of ours."""
    return await grouped_reads(tenant, LOCAL_LISTS, projection=("mode",)).find_one(identity) is not None


async def check_again(tenant: TenantRecord, identity: str, *, at_once: bool) -> None:
    """Have a station's list compared with what it shall hold: it has restarted.

    Args:
        at_once: nothing is under way, so a pause after an update that failed is over.
    """
    query = {"_id": identity, "mode": {"$ne": OFF}, "supported": {"$ne": False}}
    wanted: Document = {"due": True, "ask": True, "trouble": 0} | ({"busy_until": None} if at_once else {})
    change = {"$set": wanted, "$inc": {"changes": 1}}
    await tenant.database[LOCAL_LISTS].update_one(query, change)


async def due_lists(tenant: TenantRecord, now: datetime) -> list[str]:
    """Return the stations whose lists are to be updated."""
    found = tenant.database[LOCAL_LISTS].find(due(now), projection=["_id"])
    return [document["_id"] async for document in found]


async def claim_list(tenant: TenantRecord, identity: str, now: datetime) -> Document | None:
    """Return a list whose update is due, for whoever asks first: a station gets one update at a time."""
    return await tenant.database[LOCAL_LISTS].find_one_and_update(
        {"_id": identity, **due(now)}, {"$set": {"busy_until": now + CLAIM}}, return_document=ReturnDocument.AFTER
    )


def due(now: datetime) -> Document:
    """Return the filter of the lists whose update is due."""
    return {"due": True, "$or": [{"busy_until": None}, {"busy_until": {"$lte": now}}]}


async def settle_list(tenant: TenantRecord, local_list: Document, left_out: int) -> bool:
    """Store that a station holds what it shall; return False if that has changed meanwhile."""
    count = len(local_list["held"])
    unchanged = {"_id": local_list["_id"], "changes": local_list["changes"]}
    done = {"due": False, "full": False, "trouble": 0, "left_out": left_out, "entry_count": count}
    lists = tenant.database[LOCAL_LISTS]
    result = await lists.update_one(unchanged, {"$set": done | {"busy_until": None}})
    if not result.matched_count:
        await lists.update_one({"_id": local_list["_id"]}, {"$set": {"busy_until": None}})
    return result.matched_count == 1
