"""Who may see metrics: whoever sends METRICS_TOKEN as a bearer token."""

from __future__ import annotations

from secrets import compare_digest

from django.conf import settings

PATH = "/metrics"
CHALLENGE = 'Bearer realm="metrics"'
REFUSAL = b"send METRICS_TOKEN as a bearer token\n"


def may_see(authorization: bytes) -> bool:
    """Return whether a request with this Authorization header may see the metrics; nobody may without the setting."""
    return bool(settings.METRICS_TOKEN) and compare_digest(authorization, f"Bearer {settings.METRICS_TOKEN}".encode())
