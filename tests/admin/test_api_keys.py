"""API keys in the admin: made, shown once, revoked; for administrators of the tenant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tenants.api_key import ApiKey
from tenants.api_keys import create_key
from tests.admin.conftest import Network
from tests.rest.conftest import Api

NEW = {"name": "billing", "role": "viewer", "resources": ["sessions"]}


@pytest.fixture(autouse=True)
def _without_keys(nordlade: Network, harbour: Network) -> Iterator[None]:
    yield
    ApiKey.objects.filter(tenant_id__in=[nordlade.slug, harbour.slug]).delete()


def new_form(network: Network, **changes: Any) -> dict[str, Any]:
    fields = network.browser().get("tenants_apikey_add").context["adminform"].form["expires_at"].initial
    return {"expires_at_0": f"{fields:%Y-%m-%d}", "expires_at_1": f"{fields:%H:%M:%S}", **NEW, **changes}


def test_a_key_is_shown_once_and_opens_the_api(nordlade: Network) -> None:
    answer = nordlade.browser().post("tenants_apikey_add", new_form(nordlade))
    assert answer.status_code == 200, answer
    found = re.search(r"csms_[0-9a-f]{16}_[0-9a-f]{64}", answer.content.decode())

    assert found is not None
    assert "no-store" in answer["Cache-Control"]
    assert Api(found[0]).get("sessions").status_code == 200
    assert Api(found[0]).get("chargepoints").status_code == 403
    key = ApiKey.objects.get(tenant_id=nordlade.slug)
    assert (key.name, key.created_by) == ("billing", nordlade.people["admin"].username)
    for page, pk in (("tenants_apikey_changelist", None), ("tenants_apikey_change", key.pk)):
        assert found[0][22:] not in nordlade.browser().html(page, pk)
    entry = nordlade.db["audit_entries"].find_one({"target_id": key.pk})
    assert entry is not None
    assert (entry["action"], entry["target_type"]) == ("create", "api-keys")
    assert found[0][22:] not in str(entry)


def test_deleting_revokes(nordlade: Network) -> None:
    new = create_key(nordlade.slug, created_by="x", name="billing")
    nordlade.browser().post("tenants_apikey_delete", {"post": "yes"}, new.key.pk)

    assert Api(new.text).get("sessions").status_code == 401
    assert "Revoked" in nordlade.browser().html("tenants_apikey_changelist")


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_it_is_for_administrators(nordlade: Network, role: str) -> None:
    new = create_key(nordlade.slug, created_by="x", name="billing")
    browser = nordlade.browser(role)

    assert browser.get("tenants_apikey_changelist").status_code == 403
    assert browser.post("tenants_apikey_add", NEW).status_code == 403
    assert browser.post("tenants_apikey_delete", {"post": "yes"}, new.key.pk).status_code == 403
    assert Api(new.text).get("sessions").status_code == 200


def test_another_tenants_keys_are_not_there(nordlade: Network, harbour: Network) -> None:
    new = create_key(harbour.slug, created_by="x", name="theirs")
    browser = nordlade.browser()

    assert "theirs" not in browser.html("tenants_apikey_changelist")
    browser.post("tenants_apikey_delete", {"post": "yes"}, new.key.pk)
    assert Api(new.text).get("sessions").status_code == 200


@pytest.mark.parametrize("end", ["2020-01-01", "2200-01-01"])
def test_an_end_that_cannot_be_is_told(nordlade: Network, end: str) -> None:
    answer = nordlade.browser().post("tenants_apikey_add", new_form(nordlade, expires_at_0=end))

    assert "within the next 730 days" in answer.content.decode()
    assert not ApiKey.objects.filter(tenant_id=nordlade.slug).exists()
