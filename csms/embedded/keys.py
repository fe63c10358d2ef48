"""The playground's own secrets: made once, kept in its data directory, never printed."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from csms.embedded.claim import write_private

_NAMES = ("SECRET_KEY", "JWT_SECRET")


def signing_keys(directory: Path) -> dict[str, str]:
    """Return SECRET_KEY and JWT_SECRET, the same at every start with this directory."""
    path = directory / "secrets.json"
    if path.exists():
        known: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        return {name: known[name] for name in _NAMES}
    made = {name: secrets.token_hex(32) for name in _NAMES}
    write_private(path, json.dumps(made))
    return made
