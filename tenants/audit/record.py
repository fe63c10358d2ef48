"""Writing entries: as documents that go with a change's own transaction, or directly after it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from django.conf import settings
from django.db.models import Model

from csms.shown_urls import HIDDEN
from tenants.audit.models import AuditEntry, Via
from tenants.audit.redaction import redacted, tag_end
from tenants.audit.trail import Actor, current_actor, current_trail
from tenants.clients import Document, sync_database
from tenants.context import current_tenant
from tenants.routing import database_name

COLLECTION = AuditEntry._meta.db_table
MAX_CHANGES = 16_000
_SIDES = ("before", "after")
_TAGS = frozenset({"id-tokens"})

Changes = Mapping[str, Mapping[str, Any]]


def entry(
    action: str,
    target_type: str = "",
    target_id: str = "",
    changes: Changes | None = None,
    *,
    actor: Actor | None = None,
) -> Document:
    """Return an entry about the request under way, ready to be inserted into `COLLECTION` of a database."""
    now = datetime.now(UTC)
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    trail = current_trail()
    who = current_actor() if actor is None else actor
    return {
        "_id": str(ObjectId()),
        "at": now,
        "actor_kind": who.kind.value,
        "actor_id": who.id,
        "actor": who.name[:150],
        "role": who.role,
        "address": trail.address[:45] if trail else "",
        "via": (trail.via if trail else Via.SYSTEM).value,
        "action": action[:50],
        "target_type": target_type,
        "target_id": (tag_end(target_id) if target_type in _TAGS and target_id else target_id)[:200],
        "changes": _text(_without_tag(target_type, changes or {})),
        "expires_at": now + timedelta(seconds=settings.AUDIT_RETENTION),
    }


def _without_tag(target_type: str, changes: Changes) -> Changes:
    """Return the changes without the id of something whose id is a tag."""
    return {name: sides for name, sides in changes.items() if target_type not in _TAGS or name not in {"id", "_id"}}


def _text(changes: Changes) -> str:
    if not changes:
        return ""
    sides = {side: redacted({name: known[side] for name, known in changes.items() if side in known}) for side in _SIDES}
    shown = {name: {side: sides[side].get(name, HIDDEN) for side in known} for name, known in changes.items()}
    text = json.dumps(shown, default=str)
    return text if len(text) <= MAX_CHANGES else json.dumps({name: {"after": HIDDEN} for name in list(shown)[:100]})


def store(documents: Iterable[Document], tenant: str | None) -> None:
    """Insert entries into a tenant's log, or without one into that of the platform.

    Raises:
        pymongo.errors.PyMongoError: MongoDB does not take them.
    """
    batch = list(documents)
    if batch:
        name = database_name(tenant) if tenant else settings.MONGODB_GLOBAL_DATABASE
        sync_database(name)[COLLECTION].insert_many(batch)


def record(action: str, target_type: str = "", target_id: str = "", changes: Changes | None = None) -> None:
    """Write down what the request under way has done, in the log of the tenant in force or of the platform.

    Accounts and tenants belong to the platform; what happens to a tenant is in that tenant's own log as well.
    """
    document = entry(action, target_type, target_id, changes)
    if was_told(document):
        return
    if target_type not in {"users", "tenants"}:
        store([document], current_tenant())
        return
    store([document], None)
    if target_type == "tenants" and target_id and action != "delete":
        store([document], target_id)


def _deed(document: Document) -> tuple[str, str, str]:
    return document["action"], document["target_type"], document["target_id"]


def is_told(document: Document) -> None:
    """Remember that an entry was stored with the change itself, so that the request writes no second one."""
    trail = current_trail()
    if trail is not None:
        trail.told.add(_deed(document))


def was_told(document: Document) -> bool:
    """Return whether the same deed of this request was stored already."""
    trail = current_trail()
    return trail is not None and _deed(document) in trail.told


def created(after: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the changes of something that was not there before."""
    return {name: {"after": value} for name, value in after.items()}


def deleted(before: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the changes of something that is gone."""
    return {name: {"before": value} for name, value in before.items()}


def facts_of(instance: Model) -> dict[str, Any]:
    """Return what an object says of itself, without what it is not to be known by and what is empty."""
    return without_emptiness(
        {field.name: field.value_from_object(instance) for field in instance._meta.concrete_fields}
    )


def without_emptiness(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of an object says something."""
    return {name: value for name, value in facts.items() if value not in (None, "", [], {})}
