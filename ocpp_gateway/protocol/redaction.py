"""Frames without what identifies people or opens doors: id tags, keys of stations, passwords and links in URLs."""

from __future__ import annotations

from typing import Any

from csms.shown_urls import HIDDEN, shown_url

# Fields that hold an id tag, in any version; compared in lower case.
_TAGS = frozenset({"idtag", "parentidtag", "idtoken", "groupidtoken", "masterpassgroupid"})
# Settings whose value is a secret; `key` and `value` stand side by side in 1.6.
_SECRET_SETTINGS = frozenset({"authorizationkey"})
_PRIVATE = (*_TAGS, *_SECRET_SETTINGS)
# No message of any version is as deep; JSON may have a thousand levels, for which Python has no stack.
MAX_DEPTH = 50


def redacted(value: Any, depth: int = 0) -> Any:
    """Return a copy of a JSON value that may be kept and shown; what lies too deep is hidden."""
    if depth > MAX_DEPTH:
        return HIDDEN
    if isinstance(value, dict):
        secret = _is_secret(value)
        return {name: HIDDEN if _hidden(name, secret) else redacted(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [redacted(inner, depth + 1) for inner in value]
    return shown_url(value) if isinstance(value, str) else value


def without_keys(value: Any, depth: int = 0) -> Any:
    """Return a copy of a JSON value without the keys of stations, and otherwise as it is; too deep is hidden."""
    if depth > MAX_DEPTH:
        return HIDDEN
    if isinstance(value, dict):
        secret = _is_secret(value)
        return {
            name: HIDDEN if secret and name == "value" else without_keys(inner, depth + 1)
            for name, inner in value.items()
        }
    return [without_keys(inner, depth + 1) for inner in value] if isinstance(value, list) else value


def _is_secret(setting: dict[str, Any]) -> bool:
    name = setting.get("key")
    return isinstance(name, str) and name.lower() in _SECRET_SETTINGS


def redacted_text(text: str) -> str:
    """Return an error's description; what it says of such a field, and may quote, is hidden."""
    lowered = text.lower()
    if any(name in lowered for name in _PRIVATE):
        field, colon, _ = text.partition(": ")
        return f"{field}: {HIDDEN}" if colon else HIDDEN
    return shown_url(text)


def _hidden(name: str, secret: bool) -> bool:
    return name.lower() in _TAGS or (secret and name == "value")
