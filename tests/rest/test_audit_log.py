"""The audit log over REST: what is in it, who reads it, and that nobody writes to it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections

from csms.api_view import ApiViewMixin
from csms.urls import urlpatterns
from sessions_app.models import IdToken
from tenants.audit.models import AuditEntry, NotEditable
from tenants.clients import sync_client
from tenants.context import tenant_scope
from tenants.models import Tenant
from tenants.routing import alias_for, database_name
from tests.rest.addresses import api_views
from tests.rest.conftest import Api, Company, assert_problem


def entries(company: Company, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = company.api().get("audit-log", query).json()["results"]
    return found


def newest(company: Company, **query: Any) -> dict[str, Any]:
    return entries(company, **query)[0]


def test_a_created_object_is_there_with_who_and_from_where(voltway: Company, settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    voltway.api(**{"X-Forwarded-For": "203.0.113.7"}).post("chargepoints", {"id": "CP1", "name": "Left"})

    found = newest(voltway)

    who = voltway.users["admin"]
    assert (found["actor_kind"], found["actor_id"], found["actor"]) == ("user", str(who.pk), who.username)
    assert (found["role"], found["via"], found["address"]) == ("admin", "rest", "203.0.113.7")
    assert (found["action"], found["target_type"], found["target_id"]) == ("create", "charge-points", "CP1")
    assert found["changes"]["name"] == {"after": "Left"}
    assert datetime.now(UTC) - datetime.fromisoformat(found["at"]) < timedelta(minutes=1)


def test_an_edit_has_before_and_after_of_what_was_edited(voltway: Company) -> None:
    voltway.api().post("chargepoints", {"id": "CP1", "name": "Left"})
    voltway.api().patch("chargepoints/CP1", {"name": "Right"})

    found = newest(voltway)

    assert (found["action"], found["target_id"]) == ("change", "CP1")
    assert found["changes"] == {"name": {"before": "Left", "after": "Right"}}


def test_what_was_deleted_is_still_told(voltway: Company) -> None:
    voltway.api().post("chargepoints", {"id": "CP1", "name": "Left"})
    voltway.api().delete("chargepoints/CP1")

    found = newest(voltway)

    assert (found["action"], found["target_id"]) == ("delete", "CP1")
    assert found["changes"]["name"] == {"before": "Left"}
    assert voltway.api().get("chargepoints/CP1").status_code == 404


def test_no_key_is_written_down(voltway: Company) -> None:
    key = voltway.api().post("chargepoints", {"id": "CP1"}).json()["key"]
    other = voltway.api().post("chargepoints/CP1/credentials").json()["key"]
    voltway.api().delete("chargepoints/CP1")

    stored = json.dumps(list(sync_client()[database_name(voltway.slug)]["audit_entries"].find()), default=str)

    assert key not in stored
    assert other not in stored
    assert [found["action"] for found in entries(voltway)] == ["delete", "credentials", "create"]
    with tenant_scope(voltway.slug):
        assert '"credential_hash": {"before": "***"}' in AuditEntry.objects.get(action="delete").changes


def test_a_tag_shows_its_end_only(voltway: Company) -> None:
    api = voltway.api()
    api.post("id-tokens", {"id_tag": "04E91C5AFF", "note": "Ada", "parent_id_tag": "GROUP-OF-ADA"})
    api.patch("id-tokens/04e91c5aff", {"status": "blocked"})
    api.delete("id-tokens/04e91c5aff")

    found = entries(voltway)

    assert [entry["action"] for entry in found] == ["delete", "change", "create"]
    assert {entry["target_id"] for entry in found} == {"***aff"}
    assert found[1]["changes"] == {"status": {"before": "accepted", "after": "blocked"}}
    text = json.dumps(found).lower()
    assert "04e91c5aff" not in text
    assert "group-of-ada" not in text


def test_what_was_refused_or_only_read_is_not_there(voltway: Company) -> None:
    voltway.api("viewer").post("chargepoints", {"id": "CP1"})
    voltway.api().post("chargepoints", {"id": "not an id"})
    voltway.api().get("chargepoints")

    assert entries(voltway) == []


def test_a_repeated_request_is_there_once(voltway: Company) -> None:
    for _ in range(2):
        voltway.api().post("chargepoints", {"id": "CP1"}, **{"Idempotency-Key": "once"})

    assert len(entries(voltway)) == 1


def test_what_happens_to_a_tenant_is_in_its_own_log_and_in_that_of_the_platform(
    voltway: Company, amperia: Company, root_api: Api
) -> None:
    root_api.patch(f"tenants/{voltway.slug}", {"configuration": {"max_charge_points": 7}})

    own = newest(voltway)
    platform = root_api.get("audit-log", {"target_id": voltway.slug}).json()["results"][0]

    assert own["changes"]["max_charge_points"] == {"before": 1000, "after": 7}
    assert (own["role"], own["target_type"]) == ("superuser", "tenants")
    assert platform["id"] == own["id"]
    assert entries(amperia) == []


def test_a_superuser_inside_a_tenant_is_in_its_log(voltway: Company, root_api: Api) -> None:
    root_api.post("chargepoints", {"id": "CP1"}, **{"X-Tenant": voltway.slug})

    assert newest(voltway)["role"] == "superuser"


def test_filters_and_order(voltway: Company) -> None:
    for number in range(3):
        voltway.api().post("chargepoints", {"id": f"CP{number}"})
    voltway.api().patch("chargepoints/CP1", {"name": "x"})
    api = voltway.api()

    assert [found["target_id"] for found in entries(voltway, action="create", ordering="at")] == ["CP0", "CP1", "CP2"]
    assert [found["action"] for found in entries(voltway, target_type="charge-points", target_id="CP1")] == [
        "change",
        "create",
    ]
    assert entries(voltway, at_to="2020-01-01T00:00:00Z") == []
    assert len(entries(voltway, actor=voltway.users["admin"].username, via="rest")) == 4
    page = api.get("audit-log", {"page_size": 3}).json()
    assert len(api.get(page["next"]).json()["results"]) == 1
    one = page["results"][0]
    assert api.get(f"audit-log/{one['id']}").json() == one
    assert_problem(api.get("audit-log", {"actorr": "x"}), 400, "invalid")


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_it_is_for_administrators(voltway: Company, role: str) -> None:
    assert_problem(voltway.api(role).get("audit-log"), 403, "permission_denied")


def test_another_tenants_entries_are_not_there(voltway: Company, amperia: Company) -> None:
    amperia.api().post("chargepoints", {"id": "CP1"})
    theirs = newest(amperia)["id"]

    assert entries(voltway) == []
    assert_problem(voltway.api().get(f"audit-log/{theirs}"), 404, "not_found")


@pytest.mark.parametrize("method", ["post", "patch", "delete"])
def test_nobody_writes_to_it_over_rest(voltway: Company, root_api: Api, method: str) -> None:
    voltway.api().post("chargepoints", {"id": "CP1"})
    path = f"audit-log/{newest(voltway)['id']}"
    arguments = [] if method == "delete" else [{"actor": "somebody else"}]

    for api in (voltway.api(), root_api):
        assert_problem(getattr(api, method)(path, *arguments), 405, "method_not_allowed")
    assert_problem(voltway.api().post("audit-log", {}), 405, "method_not_allowed")


def test_nor_does_the_product_itself(voltway: Company) -> None:
    voltway.api().post("chargepoints", {"id": "CP1"})
    with tenant_scope(voltway.slug):
        entry = AuditEntry.objects.get()
        for attempt in (
            entry.save,
            entry.delete,
            AuditEntry.objects.all().delete,
            lambda: AuditEntry.objects.update(actor="x"),
        ):
            with pytest.raises(NotEditable):
                attempt()
        assert AuditEntry.objects.count() == 1


def test_mongodb_deletes_entries_when_their_time_is_over(voltway: Company, settings: Any) -> None:
    settings.AUDIT_RETENTION = 86400.0
    voltway.api().post("chargepoints", {"id": "CP1"})

    with tenant_scope(voltway.slug):
        entry = AuditEntry.objects.get()
    assert entry.expires_at - entry.at == timedelta(days=1)
    for alias in ("default", alias_for(voltway.slug)):
        index = connections[alias].get_collection("audit_entries").index_information()["audit_expiry"]
        assert index["expireAfterSeconds"] == 0


def test_every_view_is_audited_or_stores_a_command_with_its_own_entry() -> None:
    views = api_views(urlpatterns)

    assert all(issubclass(view, ApiViewMixin) for view in views)
    assert {view.permission_resource for view in views if not view.audited} == {"commands", "configuration"}


def test_a_long_change_is_cut(voltway: Company) -> None:
    voltway.api().post("id-tokens", {"id_tag": "AA", "note": "n" * 150})
    voltway.api().post("chargepoints", {"id": "CP1", "tags": ["t" * 40] * 60})

    assert len(json.dumps(newest(voltway)["changes"])) < 16_100
    with tenant_scope(voltway.slug):
        assert IdToken.objects.filter(pk="aa").exists()


def test_what_did_not_come_about_is_not_there(voltway: Company) -> None:
    """The entry is in the transaction that stores the station."""
    Tenant.objects.filter(slug=voltway.slug).update(max_charge_points=1)
    voltway.api().post("chargepoints", {"id": "CP1"})

    assert_problem(voltway.api().post("chargepoints", {"id": "CP1"}), 409, "charge_point_limit")
    assert_problem(voltway.api().post("chargepoints", {"id": "CP2"}), 409, "charge_point_limit")

    assert [entry["target_id"] for entry in entries(voltway)] == ["CP1"]


def test_a_station_and_its_entry_are_stored_together_or_not_at_all(voltway: Company) -> None:
    database = sync_client()[database_name(voltway.slug)]
    database.command("collMod", "audit_entries", validator={"action": {"$nin": ["create", "delete"]}})
    try:
        assert voltway.api().post("chargepoints", {"id": "CP1"}).status_code == 500
        assert database["charge_points"].count_documents({}) == 0
    finally:
        database.command("collMod", "audit_entries", validator={})
    assert voltway.api().post("chargepoints", {"id": "CP1"}).status_code == 201
    assert len(entries(voltway)) == 1
