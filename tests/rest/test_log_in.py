"""Logging in at the API: limits on failures, the second factor, and what the audit log says of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tenants.audit import log_ins
from tenants.audit.models import AuditEntry
from tenants.clients import sync_client
from tenants.context import tenant_scope
from tenants.log_in_limits import source_of
from tenants.models import SecondFactor, User
from tenants.rate_limit import RateLimit
from tenants.second_factors import begin, confirm
from tests.rest.authenticator import one_time_password
from tests.rest.conftest import PASSWORD, Api, Company, assert_problem

HOME, ELSEWHERE = "203.0.113.1", "198.51.100.1"


@pytest.fixture(autouse=True)
def _behind_a_proxy(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    monkeypatch.setattr(log_ins, "_minute", log_ins._Minute())


def attempt(user: User, password: str = PASSWORD, address: str = HOME, **extra: str) -> Any:
    body = {"username": user.username, "password": password, **extra}
    return Api(**{"X-Forwarded-For": address}).post("auth/token", body)


def log_of(company: Company) -> list[AuditEntry]:
    with tenant_scope(company.slug):
        return list(AuditEntry.objects.all())


def test_one_user_from_one_address_is_limited(voltway: Company, settings: Any) -> None:
    settings.LOGIN_FAILURES_PER_USER = 3
    admin = voltway.users["admin"]
    for _ in range(3):
        assert_problem(attempt(admin, "wrong"), 401, "wrong_credentials")

    refused = attempt(admin)

    assert_problem(refused, 429, "throttled")
    assert 1 <= int(refused["Retry-After"]) <= 30 * 60
    assert attempt(admin, address=ELSEWHERE).status_code == 200
    assert attempt(voltway.users["viewer"]).status_code == 200


def test_one_address_is_limited_over_all_users(voltway: Company, settings: Any) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": {"login": "4/min"}}
    for number in range(4):
        answer = Api(**{"X-Forwarded-For": HOME}).post("auth/token", {"username": f"u{number}", "password": "x"})
        assert_problem(answer, 401, "wrong_credentials")

    assert_problem(attempt(voltway.users["admin"]), 429, "throttled")
    assert attempt(voltway.users["admin"], address=ELSEWHERE).status_code == 200


def test_many_addresses_do_not_lock_the_real_user_out(voltway: Company, settings: Any) -> None:
    settings.LOGIN_FAILURES_PER_USER = 1
    admin = voltway.users["admin"]
    assert attempt(admin).status_code == 200  # from home, before the attack

    for number in range(10):
        assert_problem(attempt(admin, "wrong", f"198.51.100.{number}"), 401, "wrong_credentials")
    assert_problem(attempt(admin, "wrong", "198.51.100.99"), 429, "throttled")
    assert_problem(attempt(admin, address="198.51.100.98"), 429, "throttled")

    assert attempt(admin).status_code == 200


def test_success_is_not_counted(voltway: Company, settings: Any) -> None:
    settings.LOGIN_FAILURES_PER_USER = 2

    assert [attempt(voltway.users["admin"]).status_code for _ in range(5)] == [200] * 5


def test_a_network_of_ipv6_is_one_source() -> None:
    assert source_of("2001:db8::1") == source_of("2001:db8::ffff:1")
    assert source_of("2001:db8:0:1::1") != source_of("2001:db8::1")
    assert source_of("::ffff:203.0.113.1") == "203.0.113.1"
    assert source_of("unknown") == "unknown"


def test_the_limit_holds_while_redis_is_away(voltway: Company, settings: Any) -> None:
    nobody = "redis://127.0.0.1:1/0"
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": nobody}}
    settings.LOGIN_FAILURES_PER_USER = 3
    admin = voltway.users["admin"]

    assert attempt(admin).status_code == 200
    statuses = [attempt(admin, "wrong").status_code for _ in range(4)]

    assert statuses == [401, 401, 401, 429]
    assert RateLimit("anything", 1).take().allowed
    assert RateLimit("anything", 1).take().allowed


def test_log_ins_and_refusals_are_in_the_tenants_audit_log(voltway: Company, amperia: Company) -> None:
    viewer = voltway.users["viewer"]
    attempt(viewer, "a wrong password")
    token = attempt(viewer).json()["access"]
    Api().post("auth/logout", {"token": token})

    out, good, bad = log_of(voltway)

    assert [entry.action for entry in (bad, good, out)] == ["log_in_refused", "log_in", "log_out"]
    assert (bad.actor_kind, bad.actor, bad.target_id, bad.address) == ("nobody", "", viewer.username, HOME)
    assert json.loads(bad.changes)["reason"] == {"after": "wrong_credentials"}
    assert (good.actor, good.role, good.via) == (viewer.username, "viewer", "rest")
    assert "a wrong password" not in bad.changes
    assert log_of(amperia) == []


def test_a_name_that_is_none_of_ours_is_not_kept(settings: Any) -> None:
    platform = sync_client()[settings.MONGODB_GLOBAL_DATABASE]["audit_entries"]
    Api().post("auth/token", {"username": "my-password-in-the-wrong-field", "password": "x"})

    newest = platform.find_one({"action": "log_in_refused"}, sort=[("_id", -1)])

    assert newest is not None
    assert "my-password-in-the-wrong-field" not in str(newest)


def test_refusals_fill_no_database(voltway: Company, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_ins, "REFUSALS_PER_MINUTE", 3)
    for _ in range(6):
        attempt(voltway.users["admin"], "wrong")

    assert len(log_of(voltway)) == 3


def test_a_copied_refresh_token_is_in_the_audit_log(voltway: Company) -> None:
    refresh = attempt(voltway.users["admin"]).json()["refresh"]
    for _ in range(2):
        Api().post("auth/token/refresh", {"refresh": refresh})

    assert log_of(voltway)[0].action == "refresh_token_used_twice"


# -- Second factor ---------------------------------------------------------------------------------


@pytest.fixture
def secret(voltway: Company) -> str:
    """The secret of the second factor that Voltway's administrator has switched on a minute ago."""
    admin = voltway.users["admin"]
    found = begin(admin)
    confirm(admin, one_time_password(found, -1))
    return found


def test_a_second_factor_is_asked_for(voltway: Company, secret: str) -> None:
    admin = voltway.users["admin"]

    assert_problem(attempt(admin), 401, "otp_required")
    assert_problem(attempt(admin, "wrong", otp=one_time_password(secret)), 401, "wrong_credentials")
    assert_problem(attempt(admin, otp="000000"), 401, "wrong_otp")
    assert attempt(admin, otp=one_time_password(secret)).status_code == 200
    assert attempt(voltway.users["viewer"]).status_code == 200


def test_a_one_time_password_is_good_once(voltway: Company, secret: str) -> None:
    password = one_time_password(secret)

    assert attempt(voltway.users["admin"], otp=password).status_code == 200
    assert_problem(attempt(voltway.users["admin"], otp=password), 401, "wrong_otp")


@pytest.mark.parametrize("steps", [-3, 3])
def test_an_old_or_early_password_is_refused(voltway: Company, secret: str, steps: int) -> None:
    assert_problem(attempt(voltway.users["admin"], otp=one_time_password(secret, steps)), 401, "wrong_otp")


def test_each_recovery_code_is_good_once(voltway: Company) -> None:
    admin = voltway.users["admin"]
    codes = confirm(admin, one_time_password(begin(admin)))
    assert len(set(codes)) == 10

    assert attempt(admin, otp=codes[0].upper()).status_code == 200
    assert_problem(attempt(admin, otp=codes[0]), 401, "wrong_otp")
    assert attempt(admin, otp=codes[1]).status_code == 200


def test_guessing_is_limited_whatever_the_address(voltway: Company, secret: str, settings: Any) -> None:
    admin = voltway.users["admin"]
    statuses = [attempt(admin, address=f"198.51.100.{number}", otp=f"{number:06d}").status_code for number in range(11)]

    assert statuses == [401] * 10 + [429]
    assert_problem(attempt(admin, otp=one_time_password(secret)), 429, "throttled")


def test_nothing_in_the_database_opens_the_account(voltway: Company) -> None:
    admin = voltway.users["admin"]
    text = begin(admin)
    codes = confirm(admin, one_time_password(text))

    stored = str(SecondFactor.objects.filter(user=admin).values().get())

    assert text not in stored
    assert not any(code in stored for code in codes)


def test_an_unconfirmed_one_is_not_asked_for(voltway: Company) -> None:
    begin(voltway.users["admin"])

    assert attempt(voltway.users["admin"]).status_code == 200


def test_a_lost_one_is_taken_away_on_the_command_line(voltway: Company, secret: str) -> None:
    admin = voltway.users["admin"]

    call_command("reset_second_factor", admin.username, verbosity=0)

    assert attempt(admin).status_code == 200
    with pytest.raises(CommandError, match="has no second factor"):
        call_command("reset_second_factor", admin.username)
    with pytest.raises(CommandError, match="there is no user"):
        call_command("reset_second_factor", "nobody at all")
