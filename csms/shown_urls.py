"""URLs as people and subscribers may see them: without passwords, and without links that open a door by themselves."""

from __future__ import annotations

import re
from typing import Any

HIDDEN = "***"
_PASSWORD = re.compile(r"(://)[^/@\s]+@")
# One of ours lets whoever has it upload in the station's place.
_UPLOAD = re.compile(r"(/uploads/)[^/\s\"]+")


def shown_url(text: str) -> str:
    """Return a text without the user and password of a URL in it, and without the token of a link for uploads."""
    return _UPLOAD.sub(rf"\1{HIDDEN}", _PASSWORD.sub(rf"\1{HIDDEN}@", text)) if "/" in text else text


def with_shown_urls(value: Any) -> Any:
    """Return a copy of a JSON value in which every text is shown so. Payloads of commands are flat enough for that."""
    if isinstance(value, dict):
        return {name: with_shown_urls(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_shown_urls(inner) for inner in value]
    return shown_url(value) if isinstance(value, str) else value
