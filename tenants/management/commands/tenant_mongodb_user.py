"""`manage.py tenant_mongodb_user SLUG`: the user of MongoDB that a tenant logs in as."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.clients import tenant_password
from tenants.routing import database_name


class Command(BaseCommand):
    help = "Print the createUser command for a tenant's own log-in, for mongosh. It holds a password!"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="of the tenant, which need not exist yet")

    def handle(self, *args: Any, slug: str, **options: Any) -> None:
        if "{password}" not in settings.MONGODB_TENANT_URI:
            raise CommandError("MONGODB_TENANT_URI has no {password}: passwords are not made here")
        try:
            database = database_name(slug)
        except ValueError as error:
            raise CommandError(str(error)) from None
        user = {"user": slug, "pwd": tenant_password(slug), "roles": [{"role": "dbOwner", "db": database}]}
        self.stdout.write(f"db.getSiblingDB({json.dumps(database)}).createUser({json.dumps(user)})")
