"""What an unexpected error leaves behind, on the page and in the log, has nothing of what was sent."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.backends import ModelBackend
from django.test import Client

PASSWORD = "an-error-page-must-not-have-this"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is written to the log, in the form in which it is written."""
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(logging.getLogger().handlers[0].formatter)
    logging.getLogger().addHandler(handler)
    yield lines
    logging.getLogger().removeHandler(handler)


@pytest.mark.parametrize(
    "path, options", [("/admin/login/", {}), ("/api/v1/auth/token", {"content_type": "application/json"})]
)
def test_no_password(
    path: str, options: Any, log: io.StringIO, monkeypatch: pytest.MonkeyPatch, django_db_blocker: Any
) -> None:
    def broken(self: ModelBackend, request: Any, username: str, password: str) -> None:
        sent = {"username": username, "password": password}
        raise RuntimeError(f"no way to check {sorted(sent)}")

    monkeypatch.setattr(ModelBackend, "authenticate", broken)
    client = Client(raise_request_exception=False)
    with django_db_blocker.unblock():
        answer = client.post(path, {"username": "ann", "password": PASSWORD}, **options)

    assert answer.status_code == 500
    assert PASSWORD not in answer.content.decode()
    assert "RuntimeError" not in answer.content.decode()
    assert "no way to check" in log.getvalue()
    assert PASSWORD not in log.getvalue()
