"""`/healthz`, `/readyz`, and the API while MongoDB is away."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from pymongo import MongoClient

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
        patch.setitem(clients._sync_clients, os.getpid(), nobody)
        reconnect()
        yield
    nobody.close()
    reconnect()


def test_alive_needs_nothing(anyone: Api, mongodb_away: None) -> None:
    answer = anyone.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_ready_with_mongodb(anyone: Api) -> None:
    answer = anyone.get("/readyz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "mongodb": "ok"})


def test_not_ready_without_mongodb(anyone: Api, mongodb_away: None) -> None:
    answer = anyone.get("/readyz")

    assert assert_problem(answer, 503, "not_ready")["down"] == ["mongodb"]
    assert answer["Retry-After"] == "5"


def test_the_api_says_when_to_come_back(anyone: Api, voltway: Company, request: pytest.FixtureRequest) -> None:
    api = voltway.api()
    log_in = {"username": voltway.users["admin"].username, "password": "x"}
    request.getfixturevalue("mongodb_away")

    for answer in (api.get("sessions"), api.post("chargepoints", {"id": "x"}), anyone.post("auth/token", log_in)):
        problem = assert_problem(answer, 503, "storage_unavailable")
        assert answer["Retry-After"] == "5"
        assert "127.0.0.1" not in str(problem)
