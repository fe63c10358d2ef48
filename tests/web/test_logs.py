"""The log as a person reads it: what strangers write there begins no line, steers no terminal and fills no disk."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
import structlog
from django.test import Client

from csms import logs


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the product writes with LOG_FORMAT=console."""
    root, text = logging.getLogger(), io.StringIO()
    handlers, level, configured = root.handlers[:], root.level, structlog.get_config()
    logs.configure({"level": "INFO", "format": "console"})
    [handler] = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(text)
    yield text
    root.handlers, root.level = handlers, level
    structlog.configure(**configured)


@pytest.mark.parametrize("evil", ["a\n2026 [error] all is lost", "a\x1b[2Jb", "a\x00b", "a\rb", "a\u202eb", "a\x9bb"])
def test_a_text_stays_within_its_line(console: io.StringIO, evil: str) -> None:
    structlog.get_logger("ours").info("refused", path=evil)
    logging.getLogger("theirs").warning("no answer to %s", evil)

    lines = console.getvalue().split("\n")

    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)
    assert all("b" in line or "all is lost" in line for line in lines[:2])  # it is told, and not left out


def test_a_wrong_host_is_one_line(console: io.StringIO) -> None:
    assert Client().get("/admin/login/", HTTP_HOST="evil.example").status_code == 400

    assert "evil.example" in console.getvalue()
    assert "Traceback" not in console.getvalue()
