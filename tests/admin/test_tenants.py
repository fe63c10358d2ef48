"""Tenants: created with their databases, configured, never deleted here."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tenants.clients import sync_client
from tenants.models import Tenant, User
from tenants.routing import database_name
from tests.admin.conftest import Browser, Network

PAGE = "tenants_tenant"


@pytest.fixture
def new_slug() -> Iterator[str]:
    slug = f"fresh-{uuid.uuid4().hex[:6]}"
    yield slug
    Tenant.objects.filter(slug=slug).delete()
    sync_client().drop_database(database_name(slug))


def _filled(browser: Browser, slug: str) -> dict[str, Any]:
    return browser.fields(f"{PAGE}_add") | {"name": "Fresh Start", "slug": slug}


def test_a_new_tenant_has_its_database_and_is_shown_how_to_begin(root: User, new_slug: str) -> None:
    browser = Browser(root)

    answer = browser.post(f"{PAGE}_add", _filled(browser, new_slug) | {"max_charge_points": "5"})

    assert answer.status_code == 302, answer.context["errors"]
    assert Tenant.objects.get(slug=new_slug).max_charge_points == 5
    assert "charge_points" in sync_client()[database_name(new_slug)].list_collection_names()
    browser.post("tenant", {"tenant": new_slug})
    text = browser.html("index")
    assert "Connect the first station" in text
    assert f"/ocpp/{new_slug}/{new_slug}_CP001" in text


@pytest.mark.parametrize("slug", ["", "Upper", "with_underscore", "-a", "../x", "a" * 41])
def test_a_slug_that_could_not_be_a_database_is_refused(root: User, slug: str) -> None:
    browser = Browser(root)
    answer = browser.post(f"{PAGE}_add", _filled(browser, slug))
    assert "slug" in answer.context["adminform"].form.errors


def test_a_slug_in_use_is_refused(root: User, nordlade: Network) -> None:
    browser = Browser(root)
    answer = browser.post(f"{PAGE}_add", _filled(browser, nordlade.slug))
    assert "slug" in answer.context["adminform"].form.errors
    assert Tenant.objects.get(slug=nordlade.slug).name == "Nordlade"


def test_an_edit_writes_the_edited_fields_and_the_time(root: User, nordlade: Network) -> None:
    browser = Browser(root)
    form = browser.fields(f"{PAGE}_change", nordlade.slug)
    assert "slug" not in form
    Tenant.objects.filter(pk=nordlade.slug).update(api_rate_limit=7, updated_at=datetime(2026, 1, 1, tzinfo=UTC))
    before = Tenant.objects.get(pk=nordlade.slug)

    browser.post(f"{PAGE}_change", form | {"status": "suspended", "slug": "other"}, nordlade.slug)

    after = Tenant.objects.get(pk=nordlade.slug)
    assert after.status == "suspended"
    assert after.updated_at > before.updated_at
    assert (after.name, after.created_at, after.api_rate_limit) == (before.name, before.created_at, 7)


def test_no_tenant_is_deleted_here(root: User, nordlade: Network) -> None:
    browser = Browser(root)
    assert browser.post(f"{PAGE}_delete", {"post": "yes"}, nordlade.slug).status_code == 403
    assert "delete_selected" not in browser.html(f"{PAGE}_changelist")
    assert Tenant.objects.filter(pk=nordlade.slug).exists()
