"""`manage.py ocpp_coverage`: the page of what is covered of an OCPP version."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ocpp_gateway.coverage import coverage_page
from ocpp_gateway.protocol.versions import OcppVersion


class Command(BaseCommand):
    help = "Print which messages of an OCPP version are served and which commands can be sent."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        numbers = [version.number for version in OcppVersion]
        parser.add_argument("version", nargs="?", default=numbers[0], choices=numbers)

    def handle(self, *args: Any, version: str, **options: Any) -> None:
        found = next(known for known in OcppVersion if known.number == version)
        self.stdout.write(coverage_page(found), ending="")
