"""`manage.py reset_second_factor`: for somebody who has lost both phone and recovery codes."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.audit.record import record
from tenants.models import User
from tenants.second_factors import remove


class Command(BaseCommand):
    help = "Take a user's second factor away; the password alone is enough then, until a new one is set up."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"there is no user {username!r}")
        if not remove(user):
            raise CommandError(f"{username} has no second factor")
        record("second_factor_off", "users", username)
        self.stdout.write(f"{username}: the second factor is off")
