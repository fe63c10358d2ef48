"""Creating and deleting charge points, within the number a tenant may have.

The limit is exact under concurrent creation: the count is a document that is raised in the same transaction as
the station is stored, on condition that it is below the limit.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from django.db import connections
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from chargepoints.credentials import hash_key, new_key
from chargepoints.models import ChargePoint, Connector
from chargepoints.revocation import revoked_serials
from chargepoints.station import sequence_after
from csms.errors import Conflict, CsmsError
from events.outbox import OUTBOX, forgotten_status_event, outbox_row
from tenants.audit.record import COLLECTION as AUDIT_ENTRIES
from tenants.audit.record import created, deleted, entry, facts_of, is_told, without_emptiness
from tenants.clients import Document, sync_database
from tenants.context import require_tenant
from tenants.models import Tenant
from tenants.routing import alias_for, database_name

CHARGE_POINTS = "charge_points"
COUNTERS = "counters"
COUNTER = "charge_points"
# What stations are called in the audit log: their row in the table of roles.
RESOURCE = "charge-points"


class ChargePointLimit(CsmsError):
    """The tenant has as many charge points as it may have."""

    code = "charge_point_limit"
    http_status = 409


def first_epoch() -> int:
    """Return the epoch a new station starts from: the minutes since 1970.

    A station that is deleted and created again starts above its old epoch, so its sequence numbers keep rising
    for those who still remember the old ones.
    """
    return int(time.time()) // 60


def create_charge_point(identity: str, *, key: str | bytes | None = None, **fields: Any) -> tuple[ChargePoint, str]:
    """Store a new charge point of the current tenant and return it with its key, which is shown only now.

    Raises:
        Conflict: a charge point of this identity exists.
        ChargePointLimit: the tenant has `max_charge_points` already.
        django.core.exceptions.ValidationError: a field is malformed.
    """
    slug = require_tenant()
    shown = new_key() if key is None else key
    station = ChargePoint(
        id=identity,
        epoch=first_epoch(),
        credential_hash=hash_key(shown),
        # A revoked certificate stays so when a station of this identity was deleted and is made again.
        revoked_certificates=revoked_serials(identity),
        created_at=datetime.now(UTC),
        **fields,
    )
    station.clean_fields()
    limit = Tenant.objects.values_list("max_charge_points", flat=True).get(slug=slug)
    _insert_within_limit(slug, station, limit)
    station._state.adding = False
    station._state.db = alias_for(slug)
    return station, shown if isinstance(shown, str) else ""


def _document(station: ChargePoint, slug: str) -> Document:
    connection = connections[alias_for(slug)]
    return {
        field.column: field.get_db_prep_save(field.pre_save(station, add=True), connection)
        for field in station._meta.concrete_fields
    }


def _insert_within_limit(slug: str, station: ChargePoint, limit: int) -> None:
    counters, stations = _collection(slug, COUNTERS), _collection(slug, CHARGE_POINTS)
    counters.update_one({"_id": COUNTER}, {"$setOnInsert": {"value": stations.count_documents({})}}, upsert=True)
    document = _document(station, slug)
    audit_log = _collection(slug, AUDIT_ENTRIES)
    told = entry("create", RESOURCE, station.id, created(facts_of(station)))

    def store(session: ClientSession) -> None:
        raised = counters.update_one({"_id": COUNTER, "value": {"$lt": limit}}, {"$inc": {"value": 1}}, session=session)
        if not raised.modified_count:
            raise ChargePointLimit(f"this tenant may have {limit} charge points and has them all")
        stations.insert_one(document, session=session)
        audit_log.insert_one(told, session=session)

    try:
        with counters.database.client.start_session() as session:
            session.with_transaction(store)
        is_told(told)
    except DuplicateKeyError:
        raise Conflict(f"a charge point {station.id!r} exists already", code="charge_point_exists") from None


def _collection(slug: str, name: str) -> Collection[Document]:
    return sync_database(database_name(slug))[name]


def delete_charge_point(identity: str) -> bool:
    """Delete a charge point with its connectors and return whether there was one; its sessions stay.

    The same transaction has the broker forget the station's retained status.
    """
    slug = require_tenant()
    counters, stations = _collection(slug, COUNTERS), _collection(slug, CHARGE_POINTS)
    connectors, outbox = _collection(slug, Connector._meta.db_table), _collection(slug, OUTBOX)
    prefix = Tenant.objects.values_list("mqtt_topic_prefix", flat=True).get(slug=slug)

    def remove(session: ClientSession) -> bool:
        station = stations.find_one_and_delete({"_id": identity}, session=session)
        if station is None:
            return False
        connectors.delete_many({"charge_point_id": identity}, session=session)
        outbox.insert_one(outbox_row([forgotten_status(slug, prefix, station)]), session=session)
        counters.update_one({"_id": COUNTER, "value": {"$gt": 0}}, {"$inc": {"value": -1}}, session=session)
        told = entry("delete", RESOURCE, identity, deleted(without_emptiness(station)))
        _collection(slug, AUDIT_ENTRIES).insert_one(told, session=session)
        return True

    with counters.database.client.start_session() as session:
        gone = bool(session.with_transaction(remove))
    if gone:
        is_told(entry("delete", RESOURCE, identity))
    return gone


def forgotten_status(slug: str, topic_prefix: str, station: Document) -> Document:
    """Return the outbox entry by which the broker forgets a deleted station, given its last document."""
    sequence = sequence_after(int(station["epoch"]))
    return forgotten_status_event(topic_prefix=topic_prefix, tenant=slug, station=station["_id"], sequence=sequence)


def replaced_key(key: str) -> dict[str, Any]:
    """Return what is stored when an operator replaces a key: it ends whatever was let in with an older one."""
    keys = {"credential_hash": hash_key(key), "credential_next": [], "credential_next_used": ""}
    return keys | {"credential_set_at": datetime.now(UTC)}


def rotate_key(identity: str) -> str:
    """Give a charge point a new key and return it; the old one stops working, and its socket is closed soon.

    Raises:
        CsmsError: there is no such charge point (404).
    """
    key = new_key()
    if not ChargePoint.objects.filter(pk=identity).update(**replaced_key(key)):
        raise CsmsError(f"there is no charge point {identity!r}", code="not_found", http_status=404)
    return key
