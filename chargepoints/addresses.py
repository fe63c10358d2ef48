"""Where a station connects to."""

from __future__ import annotations

from urllib.parse import quote

from django.conf import settings

# What an identity may contain and a path segment may carry as it is (RFC 3986 §3.3).
_SAFE = "*-_=:+@."
DEFAULT_TENANT = "default"


def station_urls(tenant: str, identity: str) -> list[str]:
    """Return the WebSocket URLs of a station, the one to recommend first.

    The short form names no tenant; it exists where the identity tells it: `tenant1_CP001` belongs to `tenant1`,
    an identity without `_` to the tenant called `default`.
    """
    base = settings.PUBLIC_URL.replace("http", "ws", 1) + "/ocpp"
    prefix, separator, _ = identity.partition("_")
    segment = quote(identity, safe=_SAFE)
    urls = [f"{base}/{tenant}/{segment}"]
    if tenant == (prefix if separator else DEFAULT_TENANT):
        urls.append(f"{base}/{segment}")
    return urls
