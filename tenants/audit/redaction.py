"""Values as the audit log keeps them: without secrets, with tags cut short, and never long."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from csms.shown_urls import HIDDEN, shown_url

MAX_TEXT = 500
MAX_DEPTH = 8
MAX_ITEMS = 50
_SECRET = re.compile(
    r"password|passwd|secret|credential|authorizationkey|authorization_key|(^|_)(token|access|refresh|otp|hash)$|_hash$",
    re.IGNORECASE,
)
_TAG = re.compile(r"^(parent_?)?id_?tag$|^(group_?)?id_?token$|^token_id$|^master_?pass", re.IGNORECASE)
_SHOWN_OF_A_TAG = 3
_LEAST_TAG = 8


def redacted(value: Any, name: str = "") -> Any:
    """Return a copy of a value, for a field of this name, that may be kept for years and shown to administrators."""
    return _redacted(value, name, 0)


def _redacted(value: Any, name: str, depth: int) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return HIDDEN if value is not None and _SECRET.search(name) else value
    if _SECRET.search(name) or depth > MAX_DEPTH:
        return HIDDEN
    if isinstance(value, dict):
        return _of_members(value, depth)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_redacted(inner, name, depth + 1) for inner in list(value)[:MAX_ITEMS]]
    if isinstance(value, datetime):
        return value.isoformat()
    return tag_end(str(value)) if _TAG.search(name) else _text(str(value))


def _of_members(value: dict[Any, Any], depth: int) -> dict[str, Any]:
    shown = {}
    setting = value.get("key") if "value" in value else None
    for raw_name, inner in list(value.items())[:MAX_ITEMS]:
        name = str(raw_name)
        # A setting of a station is a pair of `key` and `value`; alone, and as a text, `key` opens a door.
        if name == "value" and isinstance(setting, str):
            shown[name] = _redacted(inner, setting, depth + 1)
        elif name == "key" and "value" not in value and isinstance(inner, str):
            shown[name] = HIDDEN
        else:
            shown[name] = _redacted(inner, name, depth + 1)
    return shown


def tag_end(tag: str) -> str:
    """Return the end of a tag, by which somebody who knows the tags finds it; short ones are hidden as a whole."""
    return HIDDEN + tag[-_SHOWN_OF_A_TAG:] if len(tag) >= _LEAST_TAG else HIDDEN


def _text(text: str) -> str:
    text = shown_url(text)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"
