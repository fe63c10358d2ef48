"""The admin and the audit log: what is done there is written down, and shown to those it concerns."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings as django_settings

from sessions_app.models import IdToken
from tenants.clients import sync_client
from tenants.context import tenant_scope
from tenants.models import Membership, User
from tests.admin.conftest import PASSWORD, Browser, Network

TOKEN = {"id_tag": "NEWTAG123", "type": "rfid", "status": "accepted", "max_active": "1"}


def entries(network: Network, **query: Any) -> list[dict[str, Any]]:
    """Return what was done to a network in the admin, newest first, without log-ins."""
    deeds = {"action": {"$nin": ["log_in", "log_out"]}, "via": "admin", **query}
    found = list(network.db["audit_entries"].find(deeds).sort("_id", -1))
    return [entry | {"changes": json.loads(entry["changes"] or "{}")} for entry in found]


def platform(**query: Any) -> list[dict[str, Any]]:
    log = sync_client()[django_settings.MONGODB_GLOBAL_DATABASE]["audit_entries"]
    return [entry | {"changes": json.loads(entry["changes"] or "{}")} for entry in log.find(query).sort("_id", -1)]


@pytest.fixture(autouse=True)
def _empty(nordlade: Network, harbour: Network) -> None:
    for network in (nordlade, harbour):
        network.db["audit_entries"].delete_many({})


def test_an_edit_has_before_and_after(nordlade: Network) -> None:
    nordlade.installs("CP1", name="Left")
    browser = nordlade.browser()
    fields = browser.fields("chargepoints_chargepoint_change", "CP1")

    assert browser.post("chargepoints_chargepoint_change", fields | {"name": "Right"}, "CP1").status_code == 302

    (found,) = entries(nordlade)
    assert (found["action"], found["target_type"], found["target_id"]) == ("change", "charge-points", "CP1")
    assert found["changes"] == {"name": {"before": "Left", "after": "Right"}}
    assert (found["actor"], found["role"], found["via"]) == (nordlade.people["admin"].username, "admin", "admin")
    assert found["address"] == "127.0.0.1"


def test_an_edit_of_nothing_is_no_deed(nordlade: Network) -> None:
    nordlade.installs("CP1", name="Left")
    browser = nordlade.browser()
    browser.post("chargepoints_chargepoint_change", browser.fields("chargepoints_chargepoint_change", "CP1"), "CP1")

    assert entries(nordlade) == []


def test_creating_and_deleting(nordlade: Network) -> None:
    browser = nordlade.browser()
    browser.post("sessions_app_idtoken_add", TOKEN)
    browser.post("sessions_app_idtoken_delete", {"post": "yes"}, "newtag123")

    gone, made = entries(nordlade)

    assert (made["action"], gone["action"]) == ("create", "delete")
    assert made["target_id"] == gone["target_id"] == "***123"
    assert made["changes"]["id_tag"] == {"after": "***123"}
    assert gone["changes"]["status"] == {"before": "accepted"}


def test_deleting_several_at_once_is_an_entry_each(nordlade: Network) -> None:
    with tenant_scope(nordlade.slug):
        for tag in ("t1", "t2"):
            IdToken.objects.create(id=tag, id_tag=tag)
    choice = {"action": "delete_selected", "_selected_action": ["t1", "t2"], "post": "yes"}
    nordlade.browser().post("sessions_app_idtoken_changelist", choice)

    assert [entry["action"] for entry in entries(nordlade)] == ["delete", "delete"]


def test_a_new_key_is_told_and_not_shown(nordlade: Network) -> None:
    nordlade.installs("CP1")
    nordlade.browser().post("chargepoints_chargepoint_new_key", {}, "CP1")

    assert entries(nordlade)[0]["changes"] == {"key": {"after": "***"}}


def test_a_connector_is_named(nordlade: Network) -> None:
    nordlade.installs("CP1")
    nordlade.db["connectors"].insert_one(
        {"_id": "CP1/1/1", "charge_point_id": "CP1", "evse_id": 1, "connector_id": 1, "status": "available",
         "error_code": "", "vendor_error_code": "", "info": "", "type": "", "max_power_w": None, "updated_at": None}
    )  # fmt: skip
    browser = nordlade.browser()
    fields = browser.fields("chargepoints_chargepoint_change", "CP1")
    name = next(name for name in fields if name.endswith("-type") and not name.startswith("initial"))

    browser.post("chargepoints_chargepoint_change", fields | {name: "cType2"}, "CP1")

    (found,) = entries(nordlade)
    assert list(found["changes"].values()) == [{"before": "", "after": "cType2"}]
    assert next(iter(found["changes"])).startswith("connector CP1/1/1: ")


def test_a_changed_role_is_in_the_tenants_log(nordlade: Network, harbour: Network) -> None:
    member = Membership.objects.get(user=nordlade.people["viewer"])
    browser = nordlade.browser()
    fields = browser.fields("tenants_membership_change", member.pk)
    browser.post("tenants_membership_change", fields | {"role": "operator"}, member.pk)

    (found,) = entries(nordlade)
    assert (found["target_type"], found["target_id"]) == ("members", nordlade.people["viewer"].username)
    assert found["changes"] == {"role": {"before": "viewer", "after": "operator"}}
    assert entries(harbour) == []


def test_an_account_is_the_platforms_and_its_memberships_the_tenants(root: User, nordlade: Network) -> None:
    victim = nordlade.people["operator"]
    Browser(root).post("tenants_user_delete", {"post": "yes"}, victim.pk)

    (own,) = entries(nordlade)
    assert (own["action"], own["target_type"], own["target_id"]) == ("delete", "members", victim.username)
    (found,) = platform(action="delete", target_id=victim.username)
    assert found["changes"]["password"] == {"before": "***"}
    assert (found["actor"], found["role"]) == (root.username, "superuser")


def test_a_changed_password_is_told_and_not_shown(root: User, nordlade: Network) -> None:
    victim = nordlade.people["operator"]
    new = {"password1": "another fine password", "password2": "another fine password", "usable_password": "true"}
    answer = Browser(root).post(f"/admin/tenants/user/{victim.pk}/password/", new)
    assert answer.status_code == 302

    found = platform(target_id=victim.username)[0]
    assert found["changes"] == {"password": {"after": "***"}}


def test_a_superuser_who_enters_a_tenant_is_seen_there(root: User, nordlade: Network) -> None:
    Browser(root).post("tenant", {"tenant": nordlade.slug})

    (found,) = entries(nordlade)
    assert (found["action"], found["actor"], found["role"]) == ("enter", root.username, "superuser")


def test_log_ins_and_log_outs_are_there(nordlade: Network) -> None:
    admin = nordlade.people["admin"]
    browser = Browser()
    browser.post("login", {"username": admin.username, "password": PASSWORD})
    browser.post("logout", {})

    log = list(nordlade.db["audit_entries"].find().sort("_id", 1))
    assert [(entry["action"], entry["actor"], entry["address"]) for entry in log] == [
        ("log_in", admin.username, "127.0.0.1"),
        ("log_out", admin.username, "127.0.0.1"),
    ]


def test_the_page_shows_it_to_administrators_and_to_nobody_else(nordlade: Network, harbour: Network) -> None:
    nordlade.browser().post("sessions_app_idtoken_add", TOKEN)
    (found,) = entries(nordlade)

    assert nordlade.people["admin"].username in nordlade.browser().html("audit_auditentry_changelist")
    assert "***123" in nordlade.browser().html("audit_auditentry_change", found["_id"])
    for role in ("viewer", "operator"):
        assert nordlade.browser(role).get("audit_auditentry_changelist").status_code == 403
        assert "auditentry" not in nordlade.browser(role).html("index")
    assert nordlade.people["admin"].username not in harbour.browser().html("audit_auditentry_changelist")
    assert harbour.browser().get("audit_auditentry_change", found["_id"]).status_code in {302, 404}


def test_the_platforms_page_is_for_superusers(root: User, nordlade: Network) -> None:
    browser = Browser(root, tenant=nordlade.slug)
    browser.post("tenants_tenant_change", browser.fields("tenants_tenant_change", nordlade.slug) | {"name": "Renamed"},
                 nordlade.slug)  # fmt: skip

    html = browser.html("audit_platformauditentry_changelist")
    assert nordlade.slug in html
    assert nordlade.browser().get("audit_platformauditentry_changelist").status_code == 403
    assert entries(nordlade)[0]["changes"]["name"]["after"] == "Renamed"


@pytest.mark.parametrize("page", ["audit_auditentry", "audit_platformauditentry"])
def test_nobody_edits_or_deletes_there(root: User, nordlade: Network, page: str) -> None:
    nordlade.browser().post("sessions_app_idtoken_add", TOKEN)
    (before,) = entries(nordlade)
    pk = before["_id"]
    for browser in (Browser(root, tenant=nordlade.slug), nordlade.browser()):
        assert browser.post(f"{page}_add", {"actor": "x"}).status_code == 403
        assert browser.post(f"{page}_change", {"actor": "x"}, pk).status_code in {302, 403, 404}
        assert browser.post(f"{page}_delete", {"post": "yes"}, pk).status_code in {302, 403, 404}
        browser.post(f"{page}_changelist", {"action": "delete_selected", "_selected_action": pk, "post": "yes"})

    assert entries(nordlade, _id=pk) == [before]


def test_ones_own_new_password_is_told(nordlade: Network) -> None:
    viewer = nordlade.people["viewer"]
    new = {"old_password": PASSWORD, "new_password1": "another fine password", "new_password2": "another fine password"}
    assert nordlade.browser("viewer").post("password_change", new | {"old_password": "wrong"}).status_code == 200
    assert entries(nordlade) == []

    assert nordlade.browser("viewer").post("password_change", new).status_code == 302

    (found,) = entries(nordlade)
    assert (found["action"], found["actor"], found["target_id"]) == (
        "password_change",
        viewer.username,
        viewer.username,
    )
    assert "another fine password" not in str(found)
