"""`manage.py import_tenant FILE`: a tenant out of a file that `export_tenant` has written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.archive.importing import Imported, ImportRefused, import_from_stream
from tenants.archive.records import BadArchive
from tenants.audit.record import entry, store


class Command(BaseCommand):
    help = (
        "Make a tenant of a file of export_tenant. Nothing is overwritten; a killed import goes on. See docs/backup.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="to be read; '-' for standard input")
        parser.add_argument("--slug", help="of the new tenant; by default that of the file")
        parser.add_argument("--active", action="store_true", help="let stations and members in at once")

    def handle(self, *args: Any, file: str, slug: str | None = None, active: bool = False, **options: Any) -> None:
        try:
            if file == "-":
                self._import(sys.stdin.buffer, slug, active)
            else:
                with Path(file).open("rb") as stream:
                    self._import(stream, slug, active)
        except (ImportRefused, BadArchive) as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}") from None

    def _import(self, stream: BinaryIO, slug: str | None, active: bool) -> None:
        imported = import_from_stream(stream, slug, active=active)
        store([entry("import", "tenants", imported.slug)], None)
        self._report(imported)
        if not active:
            self.stdout.write("it is suspended: look at it as a superuser, then resume it")

    def _report(self, imported: Imported) -> None:
        if imported.resumed_at:
            self.stdout.write(f"went on behind record {imported.resumed_at}")
        documents, collections = sum(imported.counts.values()), len(imported.counts)
        self.stdout.write(f"{imported.slug}: {documents} documents of {collections} collections")
        for name in imported.left_out:
            self.stderr.write(f"not a member: {name} is somebody else here; add that person by hand if it is the same")
