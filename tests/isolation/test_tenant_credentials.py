"""Tenants that log in to MongoDB as themselves, on a mongod that refuses everybody what is not theirs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from csms.embedded.stack import Stack
from csms.env import SettingError
from csms.mongodb_uri import check_tenant_uri
from tenants import clients
from tests.isolation.authenticated_mongodb import GLOBAL, PLATFORM_PASSWORD, ROOT_PASSWORD, AuthenticatedMongo, started
from tests.mqtt_capture import Capture
from tests.serving import ROOT, Gateway, publisher
from tests.station import basic, connect_station

KEY = "0123456789abcdef" * 4
SLUGS = ("tenant1", "tenant2")


@pytest.fixture(scope="module")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuthenticatedMongo]:
    server = started(tmp_path_factory.mktemp("auth") / "mongodb")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def environment(mongod: AuthenticatedMongo) -> dict[str, str]:
    return {
        "MONGODB_URI": mongod.uri("platform", PLATFORM_PASSWORD),
        "MONGODB_TENANT_URI": mongod.uri("{tenant}", "{password}", "{database}"),
        "MONGODB_TENANT_PASSWORD_KEY": KEY,
        "REDIS_STATE_PREFIX": "credentials",
    }


@pytest.fixture
def capture(embedded_stack: Stack) -> Iterator[Capture]:
    """Everything the broker delivers."""
    capture = Capture(embedded_stack.mqtt.url)
    capture.start()
    yield capture
    capture.stop()


def manage(environment: dict[str, str], *words: str, good: bool = True) -> str:
    process = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.returncode == 0) is good, process.stderr[-2000:]
    return process.stdout if good else process.stderr


@pytest.fixture(scope="module")
def tenants(mongod: AuthenticatedMongo, environment: dict[str, str]) -> dict[str, Any]:
    """Two tenants, made as an operator makes them: first the user, then the tenant."""
    root: MongoClient[dict[str, Any]] = MongoClient(mongod.uri("root", ROOT_PASSWORD))
    for slug in SLUGS:
        printed = manage(environment, "tenant_mongodb_user", slug)
        assert printed.startswith(f'db.getSiblingDB("ocpp_tenant_{slug}").createUser(')
        user = json.loads(printed.partition("createUser(")[2].strip().removesuffix(")"))
        root[f"ocpp_tenant_{slug}"].command("createUser", user["user"], pwd=user["pwd"], roles=user["roles"])
    root.close()
    manage(environment, "migrate", "-v", "0")
    found: dict[str, Any] = json.loads(manage(environment, "create_test_tenants", "--json", "--stations", "1"))
    return found


def own_client(mongod: AuthenticatedMongo, slug: str, monkeypatch: pytest.MonkeyPatch) -> MongoClient[dict[str, Any]]:
    monkeypatch.setattr("django.conf.settings.MONGODB_TENANT_PASSWORD_KEY", KEY)
    return MongoClient(mongod.uri(slug, clients.tenant_password(slug), f"ocpp_tenant_{slug}"))


def test_mongodb_refuses_a_tenants_user_everything_else(
    mongod: AuthenticatedMongo, tenants: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: what works below works because each tenant logs in as itself."""
    with own_client(mongod, "tenant1", monkeypatch) as client:
        assert client["ocpp_tenant_tenant1"]["charge_points"].count_documents({}) == 1
        for database in ("ocpp_tenant_tenant2", GLOBAL):
            with pytest.raises(OperationFailure, match="not authorized"):
                client[database]["charge_points"].find_one()
    platform: MongoClient[dict[str, Any]] = MongoClient(mongod.uri("platform", PLATFORM_PASSWORD))
    with platform, pytest.raises(OperationFailure, match="not authorized"):
        platform["ocpp_tenant_tenant1"]["charge_points"].find_one()


def test_without_their_log_ins_nothing_is_reached(environment: dict[str, str], tenants: dict[str, Any]) -> None:
    alone = {**environment, "MONGODB_TENANT_URI": ""}
    assert "not authorized" in manage(alone, "migrate_tenants", good=False)
    manage(environment, "migrate_tenants")


async def test_a_charge_from_the_socket_to_the_broker(
    mongod: AuthenticatedMongo,
    environment: dict[str, str],
    tenants: dict[str, Any],
    capture: Capture,
    tmp_path: Path,
) -> None:
    """Handshake, transactions, ORM, REST and publisher: each tenant's work is done by its own user."""
    gateway, events = Gateway("daphne", tmp_path, environment), publisher(tmp_path, environment)
    events.start()
    try:
        gateway.start()
        for tenant in tenants["tenants"]:
            station = tenant["stations"][0]
            identity, path = station["id"], f"/ocpp/{tenant['slug']}/{station['id']}"
            secret = basic(identity, station["key"])
            async with await connect_station(f"{gateway.url}{path}", identity, secret) as connection:
                await connection.boot()
                start = {"connectorId": 1, "idTag": tenant["id_tags"][0], "meterStart": 0}
                started = await connection.call("StartTransaction", {**start, "timestamp": "2026-05-01T12:00:00Z"})
                assert started.payload is not None
                assert started.payload["idTagInfo"]["status"] == "Accepted"
            await capture.assert_event(identity, "session.started")
            with MongoClient[dict[str, Any]](mongod.uri("root", ROOT_PASSWORD)) as client:
                assert client[f"ocpp_tenant_{tenant['slug']}"]["sessions"].count_documents({}) == 1
    finally:
        gateway.stop()
        events.stop(20.0)


def test_a_tenant_is_exported_and_deleted_with_its_own_log_in(
    environment: dict[str, str], tenants: dict[str, Any], tmp_path: Path
) -> None:
    file = str(tmp_path / "tenant2.tenant")
    manage(environment, "export_tenant", "tenant2", file)
    manage(environment, "delete_tenant", "tenant2", "--yes", "tenant2", "--wait", "0", "--discard")
    manage(environment, "import_tenant", file)


@pytest.mark.parametrize(
    "uri, key, said",
    [
        ("mongodb://all:{password}@db/", KEY, "all tenants would log in as one"),
        ("mongodb://{tenant}:{password}@db/", "short", "MONGODB_TENANT_PASSWORD_KEY"),
        ("http://{tenant}@db/", KEY, "MONGODB_TENANT_URI"),
    ],
)
def test_what_cannot_work_stops_the_start(uri: str, key: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        check_tenant_uri(uri, key)
