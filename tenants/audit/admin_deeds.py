"""What is done on the pages of the admin, as entries: hooks where Django's admin keeps its own log."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.db.models import Model
from django.http import HttpRequest

from csms.shown_urls import HIDDEN
from tenants.audit.record import Changes, created, deleted, entry, facts_of, record, store, was_told
from tenants.audit.trail import current_trail
from tenants.context import current_tenant


class AuditedPage:
    """A page of the admin whose changes are written to the audit log; put before Django's ModelAdmin.

    The page names its resource in `permission_resource`.
    """

    permission_resource = ""

    def audit_id(self, obj: Any) -> str:
        """Return what an object is called in the audit log."""
        return str(obj.pk)

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        _forget_notes()
        record("create", self.permission_resource, self.audit_id(obj), created(facts_of(obj)))
        return super().log_addition(request, obj, message)  # type: ignore[misc]

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        changes = _forget_notes() or _named_in(message)
        if changes:
            record("change", self.permission_resource, self.audit_id(obj), changes)
        return super().log_change(request, obj, message)  # type: ignore[misc]

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Model]) -> Any:
        self.audit_deletions(queryset)
        return super().log_deletions(request, queryset)  # type: ignore[misc]

    def audit_deletions(self, objects: Iterable[Model]) -> None:
        """Prepare the entries about what is about to be deleted; they are written once it is."""
        for obj in objects:
            for tenant in self.audited_in(obj):
                record_later("delete", self.permission_resource, self.audit_id(obj), deleted(facts_of(obj)), tenant)

    def audited_in(self, obj: Model) -> Iterable[str | None]:
        """Return the tenants in whose logs a deletion belongs; None is the platform's."""
        return (current_tenant(),)


def record_later(action: str, target_type: str, target_id: str, changes: Changes, tenant: str | None) -> None:
    """Write an entry at the end of the request, if it succeeds."""
    trail = current_trail()
    if trail is not None:
        trail.later.append((entry(action, target_type, target_id, changes), tenant))


def write_what_is_left(request: HttpRequest) -> None:
    """Write what a page has left to be written, and changes for which it has written no entry of its own."""
    trail = current_trail()
    if trail is None:
        return
    for document, tenant in trail.take_later():
        if not was_told(document):
            store([document], tenant)
    noted = trail.take_changes()
    if noted:
        record("change", "", request.path, noted)


def _forget_notes() -> dict[str, dict[str, Any]]:
    trail = current_trail()
    return {} if trail is None else trail.take_changes()


def _named_in(message: Any) -> Changes:
    """Return the fields that Django's log names as changed; what they were is not known here."""
    if isinstance(message, str):
        try:
            message = json.loads(message)
        except ValueError:
            return {"": {"after": message}}
    names = [name for part in message or [] for name in part.get("changed", {}).get("fields", [])]
    return {name: {"after": HIDDEN} for name in names}
