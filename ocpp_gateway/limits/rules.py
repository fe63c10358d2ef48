"""The rules of the limits, as the settings say; None for a limit that is switched off."""

from __future__ import annotations

from django.conf import settings

from ocpp_gateway.limits.strikes import Rule

# Failed log-ins add up over this long: slower guessing is no guessing.
LOGIN_WINDOW_SECONDS = 300.0
FLAPPING_WINDOW_SECONDS = 10.0
# A block of a flapping station grows up to this many times its first length.
FLAPPING_GROWTH = 10
# Security events of one kind about one station: so many within an hour, then none for the rest of it.
REPORTS_PER_HOUR = 20
HOUR_SECONDS = 3600.0


def login_of_station() -> Rule | None:
    """Return the rule for failed log-ins as one station from one address."""
    return _login(settings.OCPP_LOGIN_FAILURES)


def login_of_address() -> Rule | None:
    """Return the rule for failed log-ins as different stations from one address."""
    return _login(settings.OCPP_LOGIN_FAILURES_PER_ADDRESS)


def _login(limit: int) -> Rule | None:
    longest = max(settings.OCPP_LOGIN_BLOCK, settings.OCPP_LOGIN_BLOCK_LONGEST)
    return Rule(limit, LOGIN_WINDOW_SECONDS, settings.OCPP_LOGIN_BLOCK, longest) if limit else None


def flapping_station() -> Rule | None:
    """Return the rule for connections of one station."""
    return _flapping(settings.OCPP_FLAPPING_CONNECTS)


def flapping_address() -> Rule | None:
    """Return the rule for repeated connections of all stations of one address."""
    return _flapping(settings.OCPP_FLAPPING_CONNECTS_PER_ADDRESS)


def _flapping(limit: int) -> Rule | None:
    block = settings.OCPP_FLAPPING_BLOCK
    return Rule(limit, FLAPPING_WINDOW_SECONDS, block, block * FLAPPING_GROWTH) if limit else None


REPORTS = Rule(REPORTS_PER_HOUR, HOUR_SECONDS, HOUR_SECONDS, HOUR_SECONDS)
# Only counts.
NEVER_BLOCKS = Rule(2**31, LOGIN_WINDOW_SECONDS, 0.0, LOGIN_WINDOW_SECONDS)
