"""MQTT topics: `{prefix}/events/{tenant}/{station}/{kind}` and `{prefix}/status/{tenant}/{station}`.

What concerns a tenant as a whole goes to `{prefix}/events/{tenant}/{kind}`.
"""

from __future__ import annotations

from functools import lru_cache

# The characters MQTT gives a meaning in topics, and the escape itself; NUL is forbidden altogether.
_ESCAPES = str.maketrans({"%": "%25", "+": "%2B", "#": "%23", "/": "%2F", "\0": "%00"})


def level(name: str) -> str:
    """Return a name as one topic level, percent-encoded where MQTT would read it otherwise."""
    return name.translate(_ESCAPES)


@lru_cache(maxsize=65536)
def event_topic(prefix: str, tenant: str, station: str, kind: str) -> str:
    """Return the topic of a station's events of one kind, or without a station, of its tenant's."""
    if not station:
        return f"{prefix}/events/{tenant}/{kind}"
    return f"{prefix}/events/{tenant}/{level(station)}/{kind}"


@lru_cache(maxsize=16384)
def status_topic(prefix: str, tenant: str, station: str) -> str:
    """Return the topic of a station's retained status."""
    return f"{prefix}/status/{tenant}/{level(station)}"
