"""Tenants over REST: made, configured, suspended and resumed by the platform's superuser."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tenants.clients import sync_client
from tenants.models import Tenant
from tests.rest.conftest import Api, Company, assert_problem, drop_tenant


@pytest.fixture
def new_slug() -> Iterator[str]:
    slug = f"new-{uuid.uuid4().hex[:8]}"
    yield slug
    drop_tenant(slug)


def test_creating_a_tenant_creates_its_database(root_api: Api, new_slug: str) -> None:
    answer = root_api.post(
        "tenants", {"slug": new_slug, "name": "New", "configuration": {"max_charge_points": 3, "auto_register": True}}
    )

    assert answer.status_code == 201
    assert answer["Location"] == f"/api/v1/tenants/{new_slug}"
    made = answer.json()
    assert made["status"] == "active"
    assert made["configuration"] == {
        "max_charge_points": 3,
        "api_rate_limit": 600,
        "queue_enabled": True,
        "mqtt_topic_prefix": "ocpp",
        "auto_register": True,
        "auto_register_as": "accepted",
        "boot_retry_interval": 60,
        "min_security_profile": 1,
        "organization": "",
        "station_authorities": "",
        "station_revocation_lists": "",
        "default_heartbeat_interval": 300,
        "message_log": "off",
        "message_log_days": 14,
    }
    indexes = sync_client()[made["database_name"]]["sessions"].index_information()
    assert "session_newest" in indexes
    created = root_api.post("chargepoints", {"id": "CP1"}, **{"X-Tenant": new_slug})
    assert created.status_code == 201
    assert_problem(root_api.post("tenants", {"slug": new_slug, "name": "Again"}), 409, "tenant_exists")


@pytest.mark.parametrize("slug", ["", "Upper", "under_score", "-a", "a-", "a" * 41, "a.b", "$ne", "ä", "a\n"])
def test_slugs_that_cannot_be(root_api: Api, slug: str) -> None:
    problem = assert_problem(root_api.post("tenants", {"slug": slug, "name": "x"}), 400, "invalid")

    assert list(problem["errors"]) == ["slug"]


def test_configuring_changes_what_is_given(root_api: Api, voltway: Company) -> None:
    read = root_api.get(f"tenants/{voltway.slug}")

    changed = root_api.patch(
        f"tenants/{voltway.slug}",
        {"configuration": {"api_rate_limit": 5, "mqtt_topic_prefix": "a/b"}},
        **{"If-Match": read["ETag"]},
    )

    assert changed.status_code == 200
    before, after = read.json(), changed.json()
    assert after["configuration"] == before["configuration"] | {"api_rate_limit": 5, "mqtt_topic_prefix": "a/b"}
    assert after["updated_at"] > before["updated_at"]
    assert after["name"] == before["name"]
    old = root_api.patch(f"tenants/{voltway.slug}", {"name": "x"}, **{"If-Match": read["ETag"]})
    assert_problem(old, 412, "changed_meanwhile")


@pytest.mark.parametrize(
    "configuration, field",
    [
        ({"api_rate_limit": 0}, "api_rate_limit"),
        ({"mqtt_topic_prefix": "a/#"}, "mqtt_topic_prefix"),
        ({"default_heartbeat_interval": 5}, "default_heartbeat_interval"),
        ({"message_log": "some"}, "message_log"),
        ({"unheard_of": 1}, "unheard_of"),
        ({"max_charge_points": {"$gt": 0}}, "max_charge_points"),
    ],
)
def test_configurations_that_are_not_valid(
    root_api: Api, voltway: Company, configuration: dict[str, object], field: str
) -> None:
    answer = root_api.patch(f"tenants/{voltway.slug}", {"configuration": configuration})

    assert list(assert_problem(answer, 400, "invalid")["errors"]) == [f"configuration.{field}"]


def test_suspending_and_resuming(root_api: Api, voltway: Company) -> None:
    member = voltway.api()

    assert root_api.post(f"tenants/{voltway.slug}/suspend").json()["status"] == "suspended"
    assert_problem(member.get("sessions"), 403, "tenant_suspended")
    assert root_api.get("sessions", None, **{"X-Tenant": voltway.slug}).status_code == 200

    assert root_api.post(f"tenants/{voltway.slug}/resume").json()["status"] == "active"
    assert member.get("sessions").status_code == 200


def test_the_status_is_not_edited_by_hand(root_api: Api, voltway: Company) -> None:
    root_api.patch(f"tenants/{voltway.slug}", {"status": "suspended", "slug": "other", "database_name": "x"})

    assert Tenant.objects.get(slug=voltway.slug).status == "active"


def test_the_list_of_a_superuser(root_api: Api, voltway: Company, amperia: Company) -> None:
    found = []
    url: str | None = "tenants?page_size=1"
    while url:
        page = root_api.get(url).json()
        found += [entry["slug"] for entry in page["results"]]
        url = page["next"]

    assert {voltway.slug, amperia.slug} <= set(found)
    assert found == sorted(found)


def test_a_tenant_nobody_has(root_api: Api) -> None:
    assert_problem(root_api.get("tenants/nope"), 404, "not_found")
    assert_problem(root_api.post("tenants/nope/suspend"), 404, "not_found")
