"""`/healthz`, `/readyz`, and the API while MongoDB is away."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.db import connections
from pymongo import AsyncMongoClient, MongoClient

from csms.health import HealthChecks
from tenants import clients
from tests.rest.conftest import Api, Company, assert_problem


def reconnect() -> None:
    for connection in connections.all(initialized_only=True):
        connection.close_pool()


@pytest.fixture
def mongodb_away(database: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process's client looks for MongoDB where nobody listens."""
    nobody: MongoClient[Any] = MongoClient("mongodb://127.0.0.1:1/?replicaSet=rs0", serverSelectionTimeoutMS=100)
    with monkeypatch.context() as patch:
        patch.setattr("csms.api_view.STORAGE_SECONDS", 0.3)
        patch.setitem(clients._sync_clients, (os.getpid(), ""), nobody)
        reconnect()
        yield
    nobody.close()
    reconnect()


async def beyond(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The application behind the checks: nothing of theirs may come here."""
    raise AssertionError(f"{scope['path']} was passed on")


async def asked(path: str, method: str = "GET") -> httpx.Response:
    """Return what the checks answer."""
    # A host name that ALLOWED_HOSTS does not have: probes come by address.
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(HealthChecks(beyond)),  # type: ignore[arg-type]
        base_url="http://10.1.2.3",
    ) as client:
        try:
            return await client.request(method, path)
        finally:
            await clients.close_async_client()


def nobody_listens() -> AsyncMongoClient[Any]:
    return AsyncMongoClient("mongodb://127.0.0.1:1/?replicaSet=rs0", serverSelectionTimeoutMS=100)


async def test_alive_needs_nothing() -> None:
    clients._async_clients[asyncio.get_running_loop(), ""] = nobody_listens()

    answer = await asked("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_ready_with_mongodb() -> None:
    answer = await asked("/readyz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "mongodb": "ok"})


async def test_not_ready_without_mongodb() -> None:
    clients._async_clients[asyncio.get_running_loop(), ""] = nobody_listens()

    answer = await asked("/readyz")

    problem = answer.json()
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
    assert (problem["status"], problem["code"], problem["down"]) == (503, "not_ready", ["mongodb"])
    assert answer.headers["Retry-After"] == "5"


async def test_checks_can_be_asked_for_their_head_and_take_nothing() -> None:
    head, post = await asked("/readyz", "HEAD"), await asked("/healthz", "POST")

    assert (head.status_code, head.content) == (200, b"")
    assert (post.status_code, post.headers["Allow"]) == (405, "GET, HEAD")


async def test_other_addresses_are_passed_on() -> None:
    with pytest.raises(AssertionError, match="/healthzz was passed on"):
        await asked("/healthzz")


def test_the_api_says_when_to_come_back(anyone: Api, voltway: Company, request: pytest.FixtureRequest) -> None:
    api = voltway.api()
    log_in = {"username": voltway.users["admin"].username, "password": "x"}
    request.getfixturevalue("mongodb_away")

    for answer in (api.get("sessions"), api.post("chargepoints", {"id": "x"}), anyone.post("auth/token", log_in)):
        problem = assert_problem(answer, 503, "storage_unavailable")
        assert answer["Retry-After"] == "5"
        assert "127.0.0.1" not in str(problem)
