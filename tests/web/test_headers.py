"""What browsers are told with every answer, and what production settings must not leave open."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from csms import env
from csms.security_headers import content_security_policy
from tests.serving import ROOT

PRODUCTION = {
    "DEBUG": "false",
    "SECRET_KEY": "Zk3-production-secret-of-more-than-fifty-characters-0123456789",
    "JWT_SECRET": "Jw7-production-secret-of-more-than-fifty-characters-0123456789",
    "PUBLIC_URL": "https://csms.example",
    "ALLOWED_HOSTS": "csms.example",
}


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Return how a management command ends in production."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**os.environ, **PRODUCTION, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_production_settings_pass_djangos_deployment_check() -> None:
    checked = manage("check", "--deploy", "--fail-level", "WARNING")

    assert checked.returncode == 0, checked.stderr
    assert "no issues" in checked.stdout


def test_the_deployment_check_would_find_something() -> None:
    checked = manage("check", "--deploy", "--fail-level", "WARNING", PUBLIC_URL="http://csms.example")

    assert checked.returncode != 0
    assert "security.W012" in checked.stderr  # SESSION_COOKIE_SECURE


@pytest.mark.parametrize(
    "name, value",
    [
        ("SECRET_KEY", "hunter2"),
        ("JWT_SECRET", "x" * 31),
        ("SECRET_KEY", "insecure-development-secret-not-for-production-use"),
        ("JWT_SECRET", "insecure-development-secret-not-for-production-use"),
    ],
)
def test_production_refuses_default_and_short_secrets(name: str, value: str) -> None:
    started = manage("serve", **{name: value})

    assert started.returncode != 0
    assert f"{name} is missing or shorter than 32 characters" in started.stderr
    assert value not in started.stderr


@pytest.fixture
def browser() -> Client:
    return Client()


@pytest.mark.parametrize("path", ["/admin/login/", "/admin/no-such/", "/api/docs", "/api/v1/sessions", "/", "/nowhere"])
def test_every_answer_has_the_headers(browser: Client, django_db_blocker: Any, path: str) -> None:
    with django_db_blocker.unblock():
        answer = browser.get(path)

    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] in {"same-origin", "unsafe-none"}
    assert "camera=()" in answer["Permissions-Policy"]
    assert "no-store" in answer["Cache-Control"]


def test_no_page_may_run_inline_scripts() -> None:
    for path in ("/admin/", "/api/docs", "/api/v1/sessions", "/"):
        policy = dict(part.split(" ", 1) for part in content_security_policy(path).split("; "))
        assert "unsafe-inline" not in policy.get("script-src", policy["default-src"]), path
        assert "http" not in str(policy), path
    assert "script-src" not in content_security_policy("/api/v1/sessions")


def test_over_tls_browsers_stay_there(browser: Client, settings: Any) -> None:
    settings.SECURE_HSTS_SECONDS = 3600
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["csms.example"]
    client = Client(headers={"host": "csms.example"})

    assert client.get("/api/docs", secure=True)["Strict-Transport-Security"] == "max-age=3600"
    answer = client.get("/api/docs")
    assert (answer.status_code, answer["Location"]) == (301, "https://csms.example/api/docs")


def test_cookies_are_for_tls_only_where_there_is_tls() -> None:
    code = (
        "import csms.settings as s;"
        "print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT, s.SECURE_HSTS_SECONDS)"
    )

    def cookies(url: str) -> str:
        run = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, **PRODUCTION, "PUBLIC_URL": url},
            capture_output=True,
            text=True,
            check=True,
        )
        return run.stdout.strip()

    assert cookies("https://csms.example") == "True True True 31536000"
    assert cookies("http://127.0.0.1:8081") == "False False False 0"


def test_security_txt_names_the_contact(browser: Client, settings: Any) -> None:
    settings.SECURITY_CONTACT = ["mailto:security@csms.example"]
    answer = browser.get("/.well-known/security.txt")

    lines = dict(line.split(": ", 1) for line in answer.content.decode().splitlines())
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert lines["Contact"] == "mailto:security@csms.example"
    assert lines["Canonical"] == f"{django_settings.PUBLIC_URL}/.well-known/security.txt"
    assert lines["Expires"].endswith("T00:00:00Z")


def test_there_is_no_security_txt_without_a_contact(browser: Client, settings: Any) -> None:
    settings.SECURITY_CONTACT = []

    assert browser.get("/.well-known/security.txt").status_code == 404


@pytest.mark.parametrize("contact", ["security@csms.example", "javascript:alert(1)", "mailto:a@b\nContact: x"])
def test_a_contact_that_is_no_uri_is_refused(monkeypatch: pytest.MonkeyPatch, contact: str) -> None:
    monkeypatch.setattr(env, "DECLARED", {})
    monkeypatch.setenv("SECURITY_CONTACT", contact)

    with pytest.raises(env.SettingError, match="SECURITY_CONTACT"):
        env.uris("SECURITY_CONTACT", "", ("mailto",))
