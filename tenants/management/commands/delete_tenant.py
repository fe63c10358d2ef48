"""`manage.py delete_tenant SLUG`: a tenant with its database, members, and all that is kept of it elsewhere."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from csms.edits import apply_edit
from tenants.audit.record import record
from tenants.deletion import NotSettled, check_deletable, delete_tenant
from tenants.models import Tenant

_LOOK_SECONDS = 0.5


class Command(BaseCommand):
    help = "Delete one tenant for good, after asking. There is no way back but a file of export_tenant."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="of the tenant")
        parser.add_argument("--yes", metavar="SLUG", help="the slug once more, instead of being asked")
        parser.add_argument(
            "--wait",
            type=float,
            default=120.0,
            help="seconds for stations to be disconnected and events to be sent (default 120)",
        )
        parser.add_argument("--discard", action="store_true", help="then delete what stations and events are left")

    def handle(self, *args: Any, slug: str, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=slug).first()
        if tenant is None:
            raise CommandError(f"there is no tenant {slug!r}")
        self._ask(tenant, options["yes"])
        if tenant.status != Tenant.Status.SUSPENDED:
            before, after = tenant.status, Tenant.Status.SUSPENDED.value
            apply_edit(tenant, {"status": after}, editable=("status",))
            record("suspend", "tenants", slug, {"status": {"before": before, "after": after}})
            self.stdout.write(f"{slug} is suspended: its stations are being disconnected")
        self._wait(tenant, options["wait"], options["discard"])
        delete_tenant(tenant)
        record("delete", "tenants", slug)
        self.stdout.write(f"{slug} is deleted")

    def _ask(self, tenant: Tenant, given: str | None) -> None:
        if given is None:
            if not sys.stdin.isatty():
                raise CommandError(f"nobody can be asked here: add --yes {tenant.slug}")
            self.stdout.write(f"This deletes {tenant.name} with everything in {tenant.database_name}, for good.")
            given = input(f"Type {tenant.slug} to go on: ")
        if given.strip() != tenant.slug:
            raise CommandError(f"{given!r} is not {tenant.slug!r}: nothing was deleted")

    def _wait(self, tenant: Tenant, seconds: float, discard: bool) -> None:
        end = time.monotonic() + seconds
        said = ""
        while True:
            try:
                return check_deletable(tenant, datetime.now(UTC))
            except NotSettled as reason:
                if str(reason) != said:
                    said = str(reason)
                    self.stdout.write(said)
                if time.monotonic() >= end:
                    if discard:
                        return None
                    raise CommandError(
                        f"{reason}. The tenant stays suspended; --discard deletes all the same"
                    ) from None
            time.sleep(_LOOK_SECONDS)
