"""Times in lists and on pages: short to read, exact when pointed at, always UTC."""

from __future__ import annotations

from datetime import UTC, datetime

from django.template.loader import render_to_string
from django.utils.html import format_html

_STEPS = ((60, "s"), (3600, "min"), (86400, "h"), (float("inf"), "d"))
EMPTY = "–"


def moment(value: datetime | None) -> str:
    """Return a time as `2026-11-23 14:05`, with seconds when pointed at."""
    return EMPTY if value is None else _time(value, f"{value.astimezone(UTC):%Y-%m-%d %H:%M}")


def ago(value: datetime | None, now: datetime) -> str:
    """Return how long ago something was, as `3 min ago`, with the time when pointed at."""
    return EMPTY if value is None else _time(value, f"{span((now - value).total_seconds())} ago")


def badge(text: str, colour: str = "") -> str:
    """Return a word on a coloured ground: success, info, warning, danger, primary, or grey."""
    return render_to_string("unfold/helpers/label.html", {"text": text, "type": colour})


def span(seconds: float) -> str:
    """Return a length of time in its largest sensible unit: `42 s`, `3 min`, `5 h`, `12 d`."""
    seconds, unit_seconds = max(seconds, 0.0), 1
    for limit, unit in _STEPS:
        if seconds < limit:
            return f"{int(seconds // unit_seconds)} {unit}"
        unit_seconds = int(limit)
    raise AssertionError("the last step has no limit")


def _time(value: datetime, text: str) -> str:
    exact = value.astimezone(UTC)
    return format_html(
        '<time class="csms-nowrap" datetime="{}" title="{} UTC">{}</time>', exact.isoformat(), f"{exact:%F %T}", text
    )
