"""`manage.py export_tenant SLUG FILE`: everything of one tenant in one file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.archive.exporting import ExportFailed, export_to_file, export_to_stream
from tenants.audit.record import entry, store
from tenants.models import Tenant


class Command(BaseCommand):
    help = "Write one tenant to a file (or to standard output): its database, settings and members. See docs/backup.md."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="of the tenant")
        parser.add_argument("file", help="to be written; '-' for standard output")
        parser.add_argument(
            "--without-snapshot",
            action="store_true",
            help="read each part as it is at its time, not all as of one moment: for suspended tenants that are too"
            " large for MongoDB's history",
        )

    def handle(self, *args: Any, slug: str, file: str, without_snapshot: bool = False, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=slug).first()
        if tenant is None:
            raise CommandError(f"there is no tenant {slug!r}")
        if without_snapshot and tenant.status == Tenant.Status.ACTIVE:
            self.stderr.write("the tenant is active: what changes meanwhile may be in the file in part")
        try:
            if file == "-":
                counts = export_to_stream(tenant, sys.stdout.buffer, fixed=not without_snapshot)
            else:
                counts = export_to_file(tenant, Path(file), self.stderr.write, fixed=not without_snapshot)
        except ExportFailed as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}") from None
        store([entry("export", "tenants", slug)], None)
        # Standard output may be the file.
        self.stderr.write(f"{slug}: {sum(counts.values())} documents of {len(counts)} collections")
