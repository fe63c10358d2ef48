"""`manage.py migrate_tenants`: bring every tenant's database to the current schema."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.migration import migrate_tenant
from tenants.models import Tenant


class Command(BaseCommand):
    help = "Create or update the databases of all tenants (or of one). Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", help="only this tenant's slug")

    def handle(self, *args: Any, tenant: str | None = None, **options: Any) -> None:
        tenants = Tenant.objects.filter(slug=tenant) if tenant else Tenant.objects.all()
        slugs = list(tenants.values_list("slug", flat=True))
        if tenant and not slugs:
            raise CommandError(f"there is no tenant {tenant!r}")
        failed = [slug for slug in slugs if not self._migrate(slug)]
        if failed:
            raise CommandError(f"not migrated: {', '.join(failed)}; the others are done, run the command again")

    def _migrate(self, slug: str) -> bool:
        try:
            count = migrate_tenant(slug)
        except Exception as error:  # noqa: BLE001  one broken tenant must not keep the others from their migration
            self.stderr.write(f"{slug}: {type(error).__name__}: {error}")
            return False
        if self.verbosity_of_change(count):
            self.stdout.write(f"{slug}: {count} migration(s) applied" if count else f"{slug}: up to date")
        return True

    def verbosity_of_change(self, count: int) -> bool:
        """Say what was done; what was up to date already is only of interest to someone who asks for detail."""
        return bool(count) or self._verbosity > 1

    def execute(self, *args: Any, **options: Any) -> str | None:
        self._verbosity = int(options["verbosity"])
        return super().execute(*args, **options)
