"""The log-in form of the admin: limits, and the second factor with the page that sets it up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from tenants.models import SecondFactor, User
from tenants.second_factors import pending_secret
from tests.admin.conftest import PASSWORD, Browser, Network
from tests.rest.authenticator import one_time_password


@pytest.fixture(autouse=True)
def _own_counters(settings: Any) -> Iterator[None]:
    backend = "django.core.cache.backends.locmem.LocMemCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": "admin-log-ins"}}
    cache.clear()
    yield
    SecondFactor.objects.all().delete()


def log_in(user: User, password: str = PASSWORD, otp: str = "", **form: str) -> Any:
    return Browser().post("login", {"username": user.username, "password": password, "otp": otp, **form})


def text(answer: Any) -> str:
    return str(answer.content.decode())


def set_up(browser: Browser) -> tuple[str, list[str]]:
    """Set a second factor up as people do; return its secret and the recovery codes."""
    browser.post("second_factor", {"deed": "begin"})
    page = browser.html("second_factor")
    found = re.search(r'id="secret">([A-Z2-7]{32})<', page)
    assert found is not None
    assert "data:image/svg+xml" in page
    done = text(browser.post("second_factor", {"deed": "confirm", "otp": one_time_password(found[1], -1)}))
    return found[1], re.findall(r">([0-9a-f]{6}-[0-9a-f]{6})<", done)


def test_a_log_in_leads_to_where_one_wanted_to_go(nordlade: Network) -> None:
    answer = log_in(nordlade.people["viewer"], next="/admin/sessions_app/chargingsession/")

    assert (answer.status_code, answer["Location"]) == (302, "/admin/sessions_app/chargingsession/")


def test_failures_are_limited_and_told(nordlade: Network, settings: Any) -> None:
    settings.LOGIN_FAILURES_PER_USER = 2
    admin = nordlade.people["admin"]
    for _ in range(2):
        assert log_in(admin, "wrong").status_code == 200

    answer = log_in(admin)

    assert answer.status_code == 429
    assert int(answer["Retry-After"]) >= 1
    assert "Too many failed log-ins" in text(answer)
    assert log_in(nordlade.people["viewer"]).status_code == 302


def test_admin_and_api_count_together(nordlade: Network, settings: Any) -> None:
    settings.LOGIN_FAILURES_PER_USER = 2
    admin = nordlade.people["admin"]
    log_in(admin, "wrong")
    body = {"username": admin.username, "password": "wrong"}
    assert Browser().client.post("/api/v1/auth/token", body, "application/json").status_code == 401

    assert log_in(admin).status_code == 429


def test_a_refused_log_in_is_in_the_audit_log(nordlade: Network) -> None:
    nordlade.db["audit_entries"].delete_many({})
    log_in(nordlade.people["viewer"], "wrong")

    (entry,) = nordlade.db["audit_entries"].find()
    assert (entry["action"], entry["target_id"]) == ("log_in_refused", nordlade.people["viewer"].username)
    assert (entry["via"], entry["actor_kind"]) == ("admin", "nobody")


def test_a_second_factor_from_end_to_end(nordlade: Network) -> None:
    viewer = nordlade.people["viewer"]
    secret, codes = set_up(nordlade.browser("viewer"))
    assert len(codes) == 10

    assert "one-time password of your app" in text(log_in(viewer))
    assert "is wrong or was used before" in text(log_in(viewer, otp="000000"))
    assert log_in(viewer, otp=one_time_password(secret)).status_code == 302
    assert log_in(viewer, otp=codes[0]).status_code == 302
    assert log_in(nordlade.people["operator"]).status_code == 302

    browser = nordlade.browser("viewer")
    assert secret not in browser.html("second_factor")
    browser.post("second_factor", {"deed": "remove", "otp": "000000"})
    assert "one-time password" in text(log_in(viewer))
    browser.post("second_factor", {"deed": "remove", "otp": codes[1]})
    assert log_in(viewer).status_code == 302
    told = [entry["action"] for entry in nordlade.db["audit_entries"].find({"target_id": viewer.username}).sort("_id")]
    assert [action for action in told if action.startswith("second")] == ["second_factor_on", "second_factor_off"]


def test_a_confirmed_one_is_not_replaced_by_whoever_sits_at_the_browser(nordlade: Network) -> None:
    browser = nordlade.browser("viewer")
    secret, _ = set_up(browser)

    answer = browser.post("second_factor", {"deed": "begin"})

    assert "remove it first" in text(answer)
    assert log_in(nordlade.people["viewer"], otp=one_time_password(secret)).status_code == 302


def test_a_wrong_password_switches_nothing_on(nordlade: Network) -> None:
    browser = nordlade.browser("viewer")
    browser.post("second_factor", {"deed": "begin"})

    assert "wrong" in text(browser.post("second_factor", {"deed": "confirm", "otp": "000000"}))
    assert log_in(nordlade.people["viewer"]).status_code == 302


@pytest.mark.parametrize("deed", ["confirm", "remove"])
def test_guessing_at_an_open_browser_is_limited(nordlade: Network, deed: str) -> None:
    browser = nordlade.browser("viewer")
    if deed == "remove":
        secret, _ = set_up(browser)
    else:
        browser.post("second_factor", {"deed": "begin"})
        secret = str(pending_secret(nordlade.people["viewer"]))
    for _ in range(10):
        assert "is wrong or was" in text(browser.post("second_factor", {"deed": deed, "otp": "guess"}))

    assert "Too many" in text(browser.post("second_factor", {"deed": deed, "otp": one_time_password(secret)}))


def test_the_page_stays_in_no_cache_and_needs_a_log_in(nordlade: Network) -> None:
    assert "no-store" in nordlade.browser("viewer").get("second_factor")["Cache-Control"]
    assert Browser().get("second_factor").status_code == 302
