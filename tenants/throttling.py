"""Requests per tenant and minute, and where a request comes from."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from tenants.access import SUPERUSER, Access
from tenants.rate_limit import RateLimit, Verdict


class TenantRateThrottle(BaseThrottle):
    """The tenant's `api_rate_limit` per minute, shared by all its members; superusers are not counted."""

    _retry_after: int | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count the request, tell the client how much is left, and return whether it may go on."""
        access = request.auth
        if not isinstance(access, Access) or access.tenant is None or access.role == SUPERUSER:
            return True
        verdict = RateLimit(f"tenant:{access.tenant.slug}", access.tenant.api_rate_limit).take()
        view.headers.update(_headers(verdict))
        self._retry_after = verdict.retry_after
        return verdict.allowed

    def wait(self) -> int | None:
        """Return the seconds for `Retry-After`."""
        return self._retry_after


def _headers(verdict: Verdict) -> dict[str, str]:
    return {"RateLimit-Limit": str(verdict.limit), "RateLimit-Remaining": str(verdict.remaining)}


def client_address(request: HttpRequest | Request) -> str:
    """Return the address a request comes from, seen through the proxies in `TRUSTED_PROXIES` and no others."""
    forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    address = request.META.get("REMOTE_ADDR") or "unknown"
    while forwarded and _trusted(address):
        address = forwarded.pop()
    return str(address)


def _trusted(address: str) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in _networks(tuple(settings.TRUSTED_PROXIES)))


@lru_cache(maxsize=4)
def _networks(proxies: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(proxy, strict=False) for proxy in proxies)
