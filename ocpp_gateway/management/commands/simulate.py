"""`manage.py simulate`: a fleet of simulated charging stations."""

from __future__ import annotations

import asyncio
import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ocpp_gateway.simulator.clock import ONE_DAY, Clock
from ocpp_gateway.simulator.credentials import NoCredentials, Roster, read
from ocpp_gateway.simulator.drivers import Habits, Tags
from ocpp_gateway.simulator.fleet import Fleet, operate
from ocpp_gateway.simulator.progress import Board, describe

# With --once a fast clock begins so far in the past (s) that the session ends about now.
_ONCE_MARGIN = 300.0


class Command(BaseCommand):
    """Plays stations of a tenant until told to stop, or for one session each."""

    help = "Play a fleet of OCPP 1.6 charging stations: boot, drivers, charges, reconnects."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", help="slug of the tenant; the first of the credentials by default")
        parser.add_argument("--count", type=int, default=5, help="number of stations (default 5)")
        parser.add_argument("--speed", type=float, default=1.0, help="60 lets a minute pass in a second (default 1)")
        parser.add_argument("--once", action="store_true", help="one session per station, then end")
        parser.add_argument("--minutes", type=float, default=45, help="longest charge (default 45)")
        parser.add_argument("--sample-interval", type=int, default=60, help="seconds between MeterValues (default 60)")
        parser.add_argument("--seed", type=int, help="repeat an earlier run: same stations, cars and drivers")
        parser.add_argument("--url", help="ws://host:port instead of the address in the credentials")
        parser.add_argument(
            "--credentials", type=Path, help="output of create_test_tenants --json (.csms/playground.json)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["speed"] < 1 or options["count"] < 1:
            raise CommandError("--speed and --count are at least 1")
        seed = secrets.randbelow(10**6) if options["seed"] is None else options["seed"]
        roster = _roster(options)
        longest = options["minutes"] * 60
        clock = Clock(options["speed"], longest + _ONCE_MARGIN if options["once"] else ONE_DAY)
        board = Board(clock, options["count"])
        habits = Habits(Tags(roster.id_tags), longest, options["sample_interval"])
        fleet = Fleet(roster.addresses, habits, clock, seed, board.say)
        board.announce(
            f"{options['count']} stations of {roster.tenant} at {roster.addresses[0].url.rsplit('/', 1)[0]},"
            f" speed {options['speed']:g}, seed {seed}"
        )
        asyncio.run(operate(fleet, board, once=options["once"]))
        self._conclude(fleet, seed, once=options["once"])

    def _conclude(self, fleet: Fleet, seed: int, *, once: bool) -> None:
        self.stdout.write(f"{describe(fleet.totals())}, seed {seed}")
        failures = fleet.failures() if once else []
        if failures:
            raise CommandError("\n".join(["some stations failed:", *failures]))


def _roster(options: dict[str, Any]) -> Roster:
    path = options["credentials"] or settings.BASE_DIR / ".csms" / "playground.json"
    try:
        return read(path, options["tenant"], options["count"], options["url"])
    except NoCredentials as error:
        raise CommandError(str(error)) from None
