"""How often somebody may fail to log in: per address, per user and address, and per user over all addresses.

The last limit does not count for addresses a user has logged in from lately. So an attacker with many addresses is
slowed down, and cannot keep the real user out from where they usually are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from redis.exceptions import RedisError
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.settings import api_settings

from csms.source_address import counted_as
from tenants.rate_limit import RateLimit
from tenants.throttling import client_address

LOGIN_SCOPE = "login"
WINDOW_SECONDS = 15 * 60
# Over all addresses, as many times what one address may.
EVERYWHERE = 10
KNOWN_SECONDS = 30 * 24 * 3600


class LoginAttempt:
    """One attempt to log in; it counts unless `succeeded` is called."""

    def __init__(self, limits: list[RateLimit], known: str | None) -> None:
        self._limits = limits
        self._known = known

    def succeeded(self) -> None:
        """Take the attempt off the accounts: only failures count."""
        for limit in self._limits:
            limit.give_back()
        if self._known is not None:
            _remember(self._known)


@contextmanager
def login_attempt(request: HttpRequest | Request, username: str = "") -> Iterator[LoginAttempt]:
    """Run one attempt to log in, as a user or, without a name, with a token.

    Raises:
        rest_framework.exceptions.Throttled: too many have failed lately.
    """
    source = source_of(client_address(request))
    known = f"login-known:{_digest(username)}:{source}" if username else None
    limits: list[RateLimit] = []
    for limit in _limits(source, username, known):
        verdict = limit.take()
        if not verdict.allowed:
            for taken in limits:
                taken.give_back()
            raise Throttled(verdict.retry_after, detail="too many failed log-ins: wait, then try again")
        limits.append(limit)
    yield LoginAttempt(limits, known)


def _limits(source: str, username: str, known: str | None) -> Iterator[RateLimit]:
    rate = api_settings.DEFAULT_THROTTLE_RATES[LOGIN_SCOPE]
    yield RateLimit(f"login:{source}", int(rate.split("/")[0]), must_hold=True)
    if known is None:
        return
    user, per_user = _digest(username), settings.LOGIN_FAILURES_PER_USER
    yield RateLimit(f"login-user:{user}:{source}", per_user, window=WINDOW_SECONDS, must_hold=True)
    if not _is_known(known):
        yield RateLimit(f"login-user:{user}", per_user * EVERYWHERE, window=WINDOW_SECONDS, must_hold=True)


def source_of(address: str) -> str:
    """Return what counts as one source."""
    return counted_as(address) or address


def _digest(username: str) -> str:
    # Names may hold what a cache refuses in a key, and need not be readable there.
    return hashlib.sha256(username.encode()).hexdigest()[:32]


def _is_known(key: str) -> bool:
    try:
        return cache.get(key) is not None
    except RedisError:
        return False


def _remember(key: str) -> None:
    try:
        cache.set(key, 1, timeout=KNOWN_SECONDS)
    except RedisError:
        return  # the limit over all addresses holds for this one, too, then
