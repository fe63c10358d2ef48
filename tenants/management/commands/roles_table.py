"""`manage.py roles_table`: the table of roles for docs/security.md."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from tenants.roles_table import roles_table


class Command(BaseCommand):
    help = "Print which role may do what, as a table in Markdown."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(roles_table(), ending="")
