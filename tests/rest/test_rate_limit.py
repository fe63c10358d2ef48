"""The rate limit of a tenant: exact, shared by its members, and forgetful."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.test import RequestFactory

from tenants.models import Tenant
from tenants.rate_limit import RateLimit
from tenants.throttling import client_address
from tests.redis_kinds.fixtures import KINDS, cluster_address, redis_address, sentinel_address
from tests.rest.conftest import Api, Company, assert_problem

__all__ = ["cluster_address", "redis_address", "sentinel_address"]


class Clock:
    """A clock that is moved by hand; it starts on a full minute."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_tenant_has_one_limit_for_all_its_members(voltway: Company, amperia: Company) -> None:
    Tenant.objects.filter(slug=voltway.slug).update(api_rate_limit=4)
    answers = [voltway.api(role).get("chargepoints") for role in ("admin", "viewer", "operator", "admin")]

    assert [answer.status_code for answer in answers] == [200] * 4
    assert [answer["RateLimit-Remaining"] for answer in answers] == ["3", "2", "1", "0"]
    assert answers[0]["RateLimit-Limit"] == "4"

    refused = voltway.api("viewer").get("sessions")
    assert_problem(refused, 429, "throttled")
    assert 1 <= int(refused["Retry-After"]) <= 120
    assert refused["RateLimit-Remaining"] == "0"
    assert amperia.api().get("chargepoints").status_code == 200


def test_the_superuser_is_not_held_up(root_api: Api, voltway: Company) -> None:
    Tenant.objects.filter(slug=voltway.slug).update(api_rate_limit=1)

    for _ in range(3):
        assert root_api.get("chargepoints", None, **{"X-Tenant": voltway.slug}).status_code == 200


@pytest.fixture(params=["memory", *KINDS])
def shared_cache(request: pytest.FixtureRequest, redis_address: Callable[[str], None], settings: Any) -> None:
    """The caches this product is run with."""
    if request.param != "memory":
        redis_address(request.param)
        backend = "csms.shared_cache.SharedRedisCache"
        settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": "REDIS_ADDR", "KEY_PREFIX": uuid.uuid4().hex}}


@pytest.mark.usefixtures("shared_cache")
def test_no_request_is_lost_in_counting() -> None:
    clock = Clock()

    with ThreadPoolExecutor(16) as threads:
        verdicts = list(threads.map(lambda _: RateLimit("x", 50, clock=clock).take().allowed, range(400)))

    assert sum(verdicts) == 50


@pytest.mark.usefixtures("shared_cache")
def test_refused_requests_do_not_count() -> None:
    clock = Clock()
    limit = RateLimit("x", 2, clock=clock)
    taken = [limit.take().allowed for _ in range(20)]
    assert sum(taken) == 2

    clock.now += 120
    assert limit.take().allowed


def test_the_minute_slides() -> None:
    clock = Clock()
    limit = RateLimit("x", 10, clock=clock)
    clock.now += 59
    assert all(limit.take().allowed for _ in range(10))

    clock.now += 1  # a new minute on the clock, but hardly a second later
    assert not limit.take().allowed
    clock.now += 30
    assert [limit.take().allowed for _ in range(6)] == [True] * 5 + [False]


@pytest.mark.parametrize("limit", [1, 2, 7, 600])
@pytest.mark.parametrize("second", [0, 17, 59])
def test_retry_after_is_neither_too_early_nor_much_too_late(limit: int, second: int) -> None:
    clock = Clock()
    counter = RateLimit("x", limit, clock=clock)
    clock.now += second
    for _ in range(limit):
        assert counter.take().allowed

    refused = counter.take()
    assert not refused.allowed

    start = clock.now
    clock.now = start + refused.retry_after
    assert counter.take().allowed
    counter.give_back()
    clock.now = start + refused.retry_after - 2
    if refused.retry_after > 2:
        assert not counter.take().allowed


def test_a_request_can_be_given_back() -> None:
    counter = RateLimit("x", 1, clock=Clock())
    assert counter.take().allowed
    counter.give_back()
    assert counter.take().allowed


def test_without_a_cache_the_api_stays_open(settings: Any, voltway: Company) -> None:
    nobody = "redis://127.0.0.1:1/0"
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": nobody}}

    assert voltway.api().get("chargepoints").status_code == 200


@pytest.mark.parametrize(
    "remote, forwarded, proxies, found",
    [
        ("10.0.0.1", "", [], "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4", [], "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4", ["10.0.0.1"], "1.2.3.4"),
        ("10.0.0.1", "9.9.9.9, 1.2.3.4", ["10.0.0.0/8"], "1.2.3.4"),
        ("10.0.0.1", "1.2.3.4, 10.0.0.2", ["10.0.0.0/8"], "1.2.3.4"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", ["10.0.0.0/8"], "10.0.0.3"),
        ("::1", "2001:db8::1", ["::1"], "2001:db8::1"),
        ("", "1.2.3.4", ["10.0.0.1"], "unknown"),
    ],
)
def test_the_address_behind_proxies(settings: Any, remote: str, forwarded: str, proxies: list[str], found: str) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR=forwarded)

    assert client_address(request) == found
