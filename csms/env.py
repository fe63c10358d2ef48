"""Typed access to the environment: every setting is declared once, and a wrong one stops the start.

A setting is read with one of `text`, `integer`, `boolean`, `duration`, `names` or `secret`.
Each call declares the setting in `DECLARED`, which is what `docs/settings.md` is compared with.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, None: 1.0}
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})


class SettingError(Exception):
    """A setting in the environment is missing or malformed; the text says which and what to do."""


@dataclass(frozen=True, slots=True)
class Declared:
    """One environment variable this product reads."""

    name: str
    kind: str
    default: str | None


DECLARED: dict[str, Declared] = {}


def _declare(name: str, kind: str, default: str | None) -> str | None:
    DECLARED[name] = Declared(name, kind, default)
    value = os.environ.get(name)
    return default if value is None else value


def text(name: str, default: str) -> str:
    """Return the variable as it stands, or the default."""
    value = _declare(name, "text", default)
    assert value is not None
    return value


def choice(name: str, default: str, options: tuple[str, ...]) -> str:
    """Return the variable if it is one of `options`."""
    value = _declare(name, "one of " + ", ".join(options), default)
    if value not in options:
        raise SettingError(f"{name}={value!r} is not one of {', '.join(options)}")
    return value


def integer(name: str, default: int, *, low: int = 0, high: int = 2**31) -> int:
    """Return the variable as a whole number between `low` and `high`."""
    value = _declare(name, "integer", str(default))
    assert value is not None
    try:
        number = int(value)
    except ValueError:
        raise SettingError(f"{name}={value!r} is not a whole number") from None
    if not low <= number <= high:
        raise SettingError(f"{name}={number} is not between {low} and {high}")
    return number


def boolean(name: str, default: bool) -> bool:
    """Return the variable as true (1, true, yes, on) or false (0, false, no, off)."""
    value = _declare(name, "boolean", "true" if default else "false")
    assert value is not None
    lowered = value.strip().lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise SettingError(f"{name}={value!r} is neither true nor false")


def duration(name: str, default: str) -> float:
    """Return a length of time in seconds; written as `500ms`, `30s`, `5m`, `2h`, `7d` or plain seconds."""
    value = _declare(name, "duration", default)
    assert value is not None
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise SettingError(f"{name}={value!r} is not a duration such as 500ms, 30s, 5m or 2h")
    return float(match[1]) * _SECONDS[match[2]]


def names(name: str, default: str) -> list[str]:
    """Return a comma-separated list without empty entries."""
    value = _declare(name, "comma-separated list", default)
    assert value is not None
    return [entry.strip() for entry in value.split(",") if entry.strip()]


def networks(name: str, default: str) -> list[str]:
    """Return a comma-separated list of IP addresses and networks, for example `10.0.0.1,192.168.0.0/16`."""
    entries = names(name, default)
    for entry in entries:
        try:
            ip_network(entry)
        except ValueError as error:
            raise SettingError(f"{name}: {error}") from None
    DECLARED[name] = Declared(name, "comma-separated list of addresses and networks", default)
    return entries


def uris(name: str, default: str, schemes: tuple[str, ...]) -> list[str]:
    """Return a comma-separated list of URIs, for example `mailto:security@csms.example`."""
    entries = names(name, default)
    for entry in entries:
        if entry.partition(":")[0] not in schemes or not entry.isascii() or not entry.isprintable():
            raise SettingError(f"{name}: {entry!r} is not a URI that begins with one of {', '.join(schemes)}")
    DECLARED[name] = Declared(name, "comma-separated list of URIs", default)
    return entries


def secret(name: str, default: str | None = None) -> str | None:
    """Return a secret from `NAME`, or from the file that `NAME_FILE` names (a mounted Docker secret)."""
    DECLARED[name + "_FILE"] = Declared(name + "_FILE", "path", None)
    value = _declare(name, "secret", default)
    path = os.environ.get(name + "_FILE")
    if path is None:
        return value
    if name in os.environ:
        raise SettingError(f"both {name} and {name}_FILE are set: keep one of them")
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise SettingError(f"{name}_FILE={path!r} cannot be read: {error.strerror}") from None
