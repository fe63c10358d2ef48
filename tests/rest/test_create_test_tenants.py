"""`manage.py create_test_tenants`: the same playground at every run."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from chargepoints.credentials import key_matches
from chargepoints.models import ChargePoint, TenantCounter
from sessions_app.models import IdToken
from tenants.context import tenant_scope
from tenants.models import Membership, Role, Tenant, User
from tests.rest.conftest import Api, drop_tenant, empty_tenant

SLUGS = ("tenant1", "tenant2")


@pytest.fixture(scope="module", autouse=True)
def playground(migrated: None, django_db_blocker: Any) -> Iterator[None]:
    yield
    with django_db_blocker.unblock():
        for slug in SLUGS:
            drop_tenant(slug)


@pytest.fixture(autouse=True)
def nobody_there(database: None, settings: Any) -> None:
    settings.DEBUG = True  # Django's test runner turns it off
    for slug in SLUGS:
        empty_tenant(slug)
    names = [f"{slug}_{role.value}" for slug in SLUGS for role in Role]
    User.objects.filter(username__in=["admin", *names]).delete()


def create(*arguments: str) -> dict[str, Any]:
    output = io.StringIO()
    call_command("create_test_tenants", "--json", *arguments, stdout=output)
    document: dict[str, Any] = json.loads(output.getvalue())
    return document


def without_tokens(document: Any) -> Any:
    if isinstance(document, dict):
        return {name: without_tokens(value) for name, value in document.items() if name != "access"}
    return [without_tokens(value) for value in document] if isinstance(document, list) else document


def test_the_document() -> None:
    found = create()

    assert list(found) == ["tenants", "superuser"]
    assert list(found["superuser"]) == ["username", "password", "access"]
    assert [tenant["slug"] for tenant in found["tenants"]] == ["tenant1", "tenant2"]
    tenant = found["tenants"][0]
    assert list(tenant) == ["slug", "database", "users", "stations", "id_tags"]
    assert [(user["username"], user["role"]) for user in tenant["users"]] == [
        ("tenant1_admin", "admin"),
        ("tenant1_operator", "operator"),
        ("tenant1_viewer", "viewer"),
    ]
    assert list(tenant["users"][0]) == ["username", "password", "role", "access"]
    assert [station["id"] for station in tenant["stations"]] == [f"tenant1_CP00{number}" for number in range(1, 6)]
    assert tenant["stations"][0]["url"] == "ws://127.0.0.1:8081/ocpp/tenant1/tenant1_CP001"
    assert tenant["stations"][0]["alt_url"] == "ws://127.0.0.1:8081/ocpp/tenant1_CP001"
    assert tenant["id_tags"] == [f"TENANT1TAG{number:03}" for number in range(1, 11)]


def test_everything_in_it_works() -> None:
    found = create()
    for tenant in found["tenants"]:
        for user in tenant["users"]:
            assert Api(user["access"]).get("chargepoints").status_code == 200
            body = {"username": user["username"], "password": user["password"]}
            assert Api().post("auth/token", body).status_code == 200
        with tenant_scope(tenant["slug"]):
            for station in tenant["stations"]:
                stored = ChargePoint.objects.get(pk=station["id"]).credential_hash
                assert key_matches(stored, station["key"].encode())
            tokens = IdToken.objects.filter(pk__in=[tag.lower() for tag in tenant["id_tags"]])
            assert [(token.status, token.max_active) for token in tokens] == [("accepted", None)] * 10
            prefix = tenant["slug"]
            assert IdToken.objects.get(pk=f"{prefix}blocked").status == "blocked"
            assert IdToken.objects.get(pk=f"{prefix}expired").status == "expired"
    answer = Api(found["superuser"]["access"]).get("sessions", None, **{"X-Tenant": "tenant2"})
    assert answer.status_code == 200


def test_a_second_run_says_the_same() -> None:
    first = create()
    hashes = set(User.objects.values_list("password", flat=True))

    second = create()

    assert without_tokens(second) == without_tokens(first)
    assert set(User.objects.values_list("password", flat=True)) == hashes
    with tenant_scope("tenant1"):
        assert ChargePoint.objects.count() == 5
        assert TenantCounter.objects.get(pk="charge_points").value == 5


def test_a_second_run_repairs_what_was_changed() -> None:
    found = create()["tenants"][0]
    Tenant.objects.filter(slug="tenant1").update(status="suspended", max_charge_points=1)
    Membership.objects.filter(user=User.objects.get(username="tenant1_admin")).delete()
    viewer = User.objects.get(username="tenant1_viewer")
    viewer.set_password("something else")
    viewer.save()
    with tenant_scope("tenant1"):
        ChargePoint.objects.filter(pk="tenant1_CP002").update(credential_hash="")
        IdToken.objects.filter(pk="tenant1tag001").update(status="blocked")

    create()

    for user in found["users"]:
        body = {"username": user["username"], "password": user["password"]}
        assert Api().post("auth/token", body).status_code == 200
    with tenant_scope("tenant1"):
        stored = ChargePoint.objects.get(pk="tenant1_CP002").credential_hash
        assert key_matches(stored, found["stations"][1]["key"].encode())
        assert IdToken.objects.get(pk="tenant1tag001").status == "accepted"


def test_more_and_then_fewer_stations() -> None:
    many = create("--stations", "1200")["tenants"][1]["stations"]
    assert (len(many), many[-1]["id"]) == (1200, "tenant2_CP1200")
    assert len(create("--stations", "3")["tenants"][1]["stations"]) == 3

    with tenant_scope("tenant2"):
        assert ChargePoint.objects.count() == 1200
        assert TenantCounter.objects.get(pk="charge_points").value == 1200


def test_for_people_it_is_a_table() -> None:
    output = io.StringIO()
    call_command("create_test_tenants", stdout=output)

    assert "tenant1_viewer" in output.getvalue()
    assert "ws://127.0.0.1:8081/ocpp/tenant2/tenant2_CP001" in output.getvalue()


def test_production_is_refused(settings: Any) -> None:
    settings.DEBUG = False
    with pytest.raises(CommandError, match="--yes-in-production"):
        create()
    assert not Tenant.objects.filter(slug__in=SLUGS).exists()

    assert create("--yes-in-production", "--stations", "0")["tenants"][0]["stations"] == []


def test_the_secrets_depend_on_the_secret_key(settings: Any) -> None:
    first = create()
    settings.SECRET_KEY = "another-secret-key-of-sufficient-length-0123"
    second = create()

    def keys(document: dict[str, Any]) -> set[str]:
        return {station["key"] for tenant in document["tenants"] for station in tenant["stations"]}

    assert len(keys(first)) == 10
    assert not keys(first) & keys(second)
