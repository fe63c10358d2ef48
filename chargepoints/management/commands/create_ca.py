"""`manage.py create_ca`: a small CA that signs the certificates of stations."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from chargepoints.certificates import CERTIFICATE_FILE, create_ca


class Command(BaseCommand):
    help = "Make a CA in CA_DIRECTORY for the certificates of stations. One that exists is never replaced."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--directory", default=settings.CA_DIRECTORY, help="where (CA_DIRECTORY)")
        parser.add_argument("--name", default="CSMS stations CA", help="the CA's common name")

    def handle(self, *args: Any, directory: str, name: str, **options: Any) -> None:
        if not directory:
            raise CommandError("say where: set CA_DIRECTORY, or give --directory")
        try:
            create_ca(Path(directory), name, datetime.now(UTC))
        except FileExistsError:
            raise CommandError(f"there is a CA in {directory} already") from None
        except OSError as error:
            raise CommandError(f"cannot write to {directory}: {error.strerror}") from None
        self.stdout.write(f"{Path(directory) / CERTIFICATE_FILE}: have your TLS proxy trust it for stations")
