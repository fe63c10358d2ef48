"""The addresses a station can be configured with."""

from __future__ import annotations

from urllib.parse import quote

from django.conf import settings

DEFAULT_TENANT = "default"


def station_url(tenant: str, identity: str) -> str:
    """Return the WebSocket URL with the tenant in the path."""
    return f"{_sockets()}/ocpp/{tenant}/{quote(identity, safe='')}"


def short_station_url(tenant: str, identity: str) -> str | None:
    """Return the URL without the tenant, where the identity's prefix names it: `tenant1_CP001` is of `tenant1`.

    None for an identity that would lead to another tenant.
    """
    prefix, separator, _ = identity.partition("_")
    named = prefix if separator else DEFAULT_TENANT
    return f"{_sockets()}/ocpp/{quote(identity, safe='')}" if named == tenant else None


def _sockets() -> str:
    return str(settings.PUBLIC_URL).replace("http", "ws", 1)
