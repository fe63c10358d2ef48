"""Which database a model lives in: platform data in the global one, tenant data in the current tenant's own."""

from __future__ import annotations

import re
import threading
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.models import Model

from tenants.context import current_tenant, require_tenant

TENANT_APPS = frozenset({"chargepoints", "sessions_app", "events"})
# In each tenant's database for the tenant, and in the global one for the platform.
EVERYWHERE_APPS = frozenset({"audit"})
GLOBAL_ALIAS = "default"
SLUG_PATTERN = r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?"
_ALIAS_PREFIX = "tenant:"
_making_known = threading.Lock()
_SLUG = re.compile(SLUG_PATTERN)


def database_name(slug: str) -> str:
    """Return the name of a tenant's database.

    Raises:
        ValueError: the slug could not name a tenant, so it must never become part of a database name.
    """
    if not _SLUG.fullmatch(slug):
        raise ValueError(f"not a tenant slug: {slug!r}")
    return f"{settings.MONGODB_TENANT_PREFIX}{slug}"


def alias_for(slug: str) -> str:
    """Return the Django alias of a tenant's database, made known to this process on first use."""
    alias = _ALIAS_PREFIX + slug
    if alias not in connections.settings:
        facts = {"NAME": database_name(slug)}
        with _making_known:
            # Another dictionary, because other threads walk through this one at the end of each request.
            known = connections.settings
            connections.settings = {**known, alias: known[GLOBAL_ALIAS] | facts}
    return alias


class TenantRouter:
    """Django's database router; tenant models raise `NoTenant` instead of falling back to a default."""

    def _alias(self, model: type[Model]) -> str:
        if model._meta.app_label in TENANT_APPS:
            return alias_for(require_tenant())
        tenant = current_tenant() if model._meta.app_label in EVERYWHERE_APPS else None
        return alias_for(tenant) if tenant else GLOBAL_ALIAS

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        return self._alias(model)

    def db_for_write(self, model: type[Model], **hints: Any) -> str:
        return self._alias(model)

    def allow_relation(self, first: Model, second: Model, **hints: Any) -> bool:
        return first._state.db == second._state.db

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        if app_label in EVERYWHERE_APPS:
            return True
        return (app_label in TENANT_APPS) == db.startswith(_ALIAS_PREFIX)
