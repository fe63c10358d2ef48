"""Bringing tenants' databases to the current schema: collections and indexes."""

from __future__ import annotations

from django.apps import apps
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from tenants.models import Tenant
from tenants.routing import EVERYWHERE_APPS, TENANT_APPS, alias_for


def migrate_tenant(slug: str) -> int:
    """Apply what is missing in one tenant's database, let stations come, and return how many migrations that were.

    Safe to repeat and to run again after a crash: each migration is recorded when it is done, and creating
    what exists already is refused by the record, not by luck.
    """
    connection = connections[alias_for(slug)]
    executor = MigrationExecutor(connection)
    targets = [node for node in executor.loader.graph.leaf_nodes() if node[0] in _tenant_labels()]
    plan = executor.migration_plan(targets)
    if plan:
        executor.migrate(targets, plan)
    Tenant.objects.filter(slug=slug, database_ready=False).update(database_ready=True)
    return len(plan)


def _tenant_labels() -> set[str]:
    return {config.label for config in apps.get_app_configs()} & (TENANT_APPS | EVERYWHERE_APPS)
