"""`manage.py create_test_tenants`: two tenants to play with, and everything needed to use them."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from csms.test_tenants import ensure_test_tenants

MAX_STATIONS = 100_000


class Command(BaseCommand):
    help = "Create (or repair) tenant1 and tenant2 with users, stations and id tags, and print their log-ins."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON document for programs")
        parser.add_argument("--stations", type=int, default=5, help="stations per tenant (default 5)")
        parser.add_argument(
            "--yes-in-production",
            action="store_true",
            help="create users whose passwords are derived from SECRET_KEY although DEBUG is off",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG and not options["yes_in_production"]:
            raise CommandError(
                "DEBUG is off: test users do not belong into production. If this is no production,"
                " add --yes-in-production."
            )
        if not 0 <= options["stations"] <= MAX_STATIONS:
            raise CommandError(f"--stations is between 0 and {MAX_STATIONS}")
        _require_migrated()
        found = ensure_test_tenants(options["stations"])
        self.stdout.write(json.dumps(found) if options["json"] else as_table(found))


def _require_migrated() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise CommandError("the global database is not migrated: run `manage.py migrate` first")


def as_table(found: dict[str, Any]) -> str:
    """Return the log-ins and stations for a person at a terminal; tokens are left out, they are long."""
    superuser = found["superuser"]
    lines = [f"platform superuser   {superuser['username']}   password {superuser['password']}"]
    for tenant in found["tenants"]:
        lines += ["", f"{tenant['slug']}   database {tenant['database']}"]
        lines += [
            f"  {user['role']:<10} {user['username']:<20} password {user['password']}" for user in tenant["users"]
        ]
        lines += [f"  station    {station['id']:<20} key {station['key']}" for station in tenant["stations"]]
        lines += [f"             {station['url']}" for station in tenant["stations"][:1]]
        lines += [f"  id tags    {' '.join(tenant['id_tags'])}"]
    return "\n".join(lines)
