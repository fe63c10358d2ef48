"""API keys: what a program may do with one, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connections

from tenants import api_keys
from tenants.api_key import ApiKey
from tenants.clients import sync_client
from tenants.models import Tenant
from tests.rest.conftest import Api, Company, assert_problem


@pytest.fixture(autouse=True)
def _without_keys(voltway: Company, amperia: Company) -> Iterator[None]:
    yield
    ApiKey.objects.filter(tenant_id__in=[voltway.slug, amperia.slug]).delete()


def make(company: Company, **body: Any) -> dict[str, Any]:
    answer = company.api().post("api-keys", {"name": "billing", **body})
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_a_key_opens_the_api_of_its_tenant(voltway: Company, header: str) -> None:
    key = make(voltway)["key"]
    api = Api(**{header: f"Bearer {key}" if header == "Authorization" else key})

    assert api.get("chargepoints").status_code == 200
    assert [found["slug"] for found in api.get("tenants").json()["results"]] == [voltway.slug]


def test_it_is_shown_once_and_stored_as_a_hash(voltway: Company) -> None:
    made = make(voltway)
    secret = made["key"].rpartition("_")[2]
    document = ApiKey.objects.filter(pk=made["id"]).values().get()

    assert len(secret) == 64
    assert secret not in str(document)
    assert made["key"] not in str(document)
    assert "key" not in voltway.api().get(f"api-keys/{made['id']}").json()
    audited = sync_client()[f"ocpp_tenant_{voltway.slug}"]["audit_entries"].find_one({"target_type": "api-keys"})
    assert audited is not None
    assert audited["target_id"] == made["id"]
    assert secret not in str(audited)


def test_what_a_key_does_is_told_as_its_own(voltway: Company) -> None:
    made = make(voltway, role="operator")
    Api(made["key"]).post("id-tokens", {"id_tag": "AA"})

    entry = voltway.api().get("audit-log", {"target_type": "id-tokens"}).json()["results"][0]

    assert (entry["actor_kind"], entry["actor_id"], entry["actor"]) == ("api_key", made["id"], "key:billing")
    assert entry["role"] == "operator"


@pytest.mark.parametrize("role, status", [("viewer", 403), ("operator", 201), ("admin", 201)])
def test_its_role_decides(voltway: Company, role: str, status: int) -> None:
    api = Api(make(voltway, role=role)["key"])

    assert api.get("id-tokens").status_code == 200
    assert api.post("id-tokens", {"id_tag": "AA"}).status_code == status


def test_its_scope_decides_too(voltway: Company) -> None:
    api = Api(make(voltway, role="admin", resources=["sessions"])["key"])

    assert api.get("sessions").status_code == 200
    assert_problem(api.get("chargepoints"), 403, "permission_denied")
    assert_problem(api.post("id-tokens", {"id_tag": "AA"}), 403, "permission_denied")


@pytest.mark.parametrize("resources", [[], ["sessions"]])
def test_no_key_makes_keys(voltway: Company, resources: list[str]) -> None:
    made = make(voltway, role="admin", resources=resources)
    api = Api(made["key"])

    assert_problem(api.get("api-keys"), 403, "permission_denied")
    assert_problem(api.post("api-keys", {"name": "heir"}), 403, "permission_denied")
    assert_problem(api.delete(f"api-keys/{made['id']}"), 403, "permission_denied")
    for resource in ("api-keys", "members", "users"):
        assert_problem(voltway.api().post("api-keys", {"name": "x", "resources": [resource]}), 400, "invalid")


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_keys_are_for_administrators(voltway: Company, role: str) -> None:
    made = make(voltway)
    api = voltway.api(role)

    assert_problem(api.get("api-keys"), 403, "permission_denied")
    assert_problem(api.post("api-keys", {"name": "x"}), 403, "permission_denied")
    assert_problem(api.delete(f"api-keys/{made['id']}"), 403, "permission_denied")


def test_revoking_counts_at_once_and_the_key_stays_in_the_list(voltway: Company) -> None:
    made = make(voltway)
    assert Api(made["key"]).get("chargepoints").status_code == 200

    assert voltway.api().delete(f"api-keys/{made['id']}").status_code == 204

    assert "revoked" in assert_problem(Api(made["key"]).get("chargepoints"), 401, "api_key_not_valid")["detail"]
    assert [key["state"] for key in voltway.api().get("api-keys").json()["results"]] == ["revoked"]
    assert voltway.api().get("api-keys", {"state": "active"}).json()["results"] == []


def test_a_key_expires(voltway: Company) -> None:
    made = make(voltway)
    ApiKey.objects.filter(pk=made["id"]).update(expires_at=datetime.now(UTC) - timedelta(seconds=1))

    assert "expired" in assert_problem(Api(made["key"]).get("chargepoints"), 401, "api_key_not_valid")["detail"]
    assert len(voltway.api().get("api-keys", {"state": "expired"}).json()["results"]) == 1


def test_every_key_ends_at_some_time(voltway: Company) -> None:
    end = datetime.fromisoformat(make(voltway)["expires_at"])

    assert timedelta(days=364) < end - datetime.now(UTC) <= timedelta(days=365)
    for moment in ("2020-01-01T00:00:00Z", "2200-01-01T00:00:00Z"):
        assert_problem(voltway.api().post("api-keys", {"name": "x", "expires_at": moment}), 400, "invalid")


def test_a_suspended_tenant_has_no_programs_either(voltway: Company) -> None:
    api = Api(make(voltway)["key"])
    Tenant.objects.filter(slug=voltway.slug).update(status="suspended")

    assert_problem(api.get("chargepoints"), 403, "tenant_suspended")


def test_no_other_tenant_can_be_named(voltway: Company, amperia: Company) -> None:
    key = make(voltway, role="admin")["key"]

    assert_problem(Api(key, **{"X-Tenant": amperia.slug}).get("chargepoints"), 404, "not_found")


def test_another_tenants_keys_are_not_there(voltway: Company, amperia: Company) -> None:
    made = make(amperia)

    assert voltway.api().get("api-keys").json()["results"] == []
    assert_problem(voltway.api().get(f"api-keys/{made['id']}"), 404, "not_found")
    assert_problem(voltway.api().delete(f"api-keys/{made['id']}"), 404, "not_found")
    assert Api(made["key"]).get("chargepoints").status_code == 200


def _wrong(key: str) -> dict[str, str]:
    head, _, secret = key.rpartition("_")
    return {
        "another secret": f"{head}_{'0' * 64}",
        "another id": f"csms_{'0' * 16}_{secret}",
        "cut off": key[:-1],
        "longer": key + "0",
        "upper case": "csms_" + key[5:].upper(),
        "only the id": head,
        "an operator": 'csms_{"$ne": null}_' + secret,
    }


@pytest.mark.parametrize("attack", list(_wrong("csms_a_b")))
def test_a_wrong_key_is_refused(voltway: Company, attack: str) -> None:
    wrong = _wrong(make(voltway)["key"])[attack]

    assert_problem(Api(wrong).get("chargepoints"), 401, "api_key_not_valid")
    assert_problem(Api(**{"X-API-Key": wrong}).get("chargepoints"), 401, "api_key_not_valid")


def test_two_identities_at_once_are_none(voltway: Company) -> None:
    answer = Api(voltway.token(), **{"X-API-Key": make(voltway)["key"]}).get("chargepoints")

    assert_problem(answer, 401, "token_not_valid")
    assert_problem(Api(**{"X-API-Key": voltway.token()}).get("chargepoints"), 401, "token_not_valid")


def test_the_last_use_is_known_and_costs_a_write_per_minute_only(voltway: Company, settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    made = make(voltway)
    Api(made["key"], **{"X-Forwarded-For": "203.0.113.9"}).get("chargepoints")
    first = ApiKey.objects.get(pk=made["id"])
    assert first.last_used_from == "203.0.113.9"

    Api(made["key"], **{"X-Forwarded-For": "203.0.113.10"}).get("chargepoints")
    assert ApiKey.objects.get(pk=made["id"]).last_used_at == first.last_used_at

    api_keys._last_written[made["id"]] -= api_keys.USE_WRITTEN_EVERY
    Api(made["key"], **{"X-Forwarded-For": "203.0.113.10"}).get("chargepoints")
    assert ApiKey.objects.get(pk=made["id"]).last_used_from == "203.0.113.10"
    assert voltway.api().get("api-keys").json()["results"][0]["last_used_from"] == "203.0.113.10"


def test_a_tenant_has_so_many_keys_at_most(voltway: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_keys, "MAX_PER_TENANT", 2)
    first = make(voltway)
    make(voltway)

    assert_problem(voltway.api().post("api-keys", {"name": "x"}), 409, "api_key_limit")
    voltway.api().delete(f"api-keys/{first['id']}")
    make(voltway)


def test_of_many_at_the_same_moment_no_more_are_made(voltway: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_keys, "MAX_PER_TENANT", 3)
    token, gate = voltway.token(), Barrier(8)

    def create(_: int) -> int:
        gate.wait()
        try:
            return int(Api(token).post("api-keys", {"name": "x"}).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(create, range(8)))

    assert set(answers) <= {201, 409}
    usable = ApiKey.objects.filter(tenant_id=voltway.slug, revoked_at=None).count()
    assert usable == answers.count(201) <= 3


def test_a_repeated_request_gets_the_same_key(voltway: Company) -> None:
    answers = [voltway.api().post("api-keys", {"name": "x"}, **{"Idempotency-Key": "once"}) for _ in range(2)]

    assert answers[0].json()["key"] == answers[1].json()["key"]
    assert answers[1]["Idempotency-Replayed"] == "true"
    assert answers[0]["Cache-Control"] == "no-store"
    assert ApiKey.objects.filter(tenant_id=voltway.slug).count() == 1
    assert Api(answers[1].json()["key"]).get("chargepoints").status_code == 200
