"""Creating tenants with their databases."""

from __future__ import annotations

from typing import Any

from tenants.migration import migrate_tenant
from tenants.models import Tenant


def create_tenant(slug: str, name: str, **fields: Any) -> Tenant:
    """Return the tenant of this slug, created with its database and indexes where it did not exist.

    Raises:
        django.core.exceptions.ValidationError: a field is malformed.
    """
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        tenant = Tenant(slug=slug, name=name, database_ready=False, **fields)
        tenant.full_clean()
        tenant.save(force_insert=True)
    migrate_tenant(slug)
    tenant.database_ready = True
    return tenant
