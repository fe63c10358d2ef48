"""Every address of the admin, opened by one tenant's administrator for what is another tenant's.

The addresses are those of the admin site itself, so a new page is tested the day it is registered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.urls import URLPattern, URLResolver

from tests.admin.conftest import Browser
from tests.isolation.belongings import MARK, Belongings
from tests.isolation.test_rest import missing
from tests.rest.conftest import Company

# What leaves the admin, or says nothing of anybody.
HARMLESS = {"login", "logout", "jsi18n", "password_change", "password_change_done", "autocomplete"}


def _walk(patterns: list[Any], before: str = "") -> Iterator[tuple[str, str]]:
    for each in patterns:
        route = before + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _walk(each.url_patterns, route)
        elif isinstance(each, URLPattern) and each.name:
            yield each.name, route


def pages() -> list[tuple[str, str]]:
    """Return names and routes of every page of the admin that shows something."""
    return [(name, route) for name, route in _walk(list(admin.site.urls[0])) if name not in HARMLESS]


OF_OBJECTS = [page for page in pages() if "<" in page[1] and "(?P" not in page[1]]
OF_LISTS = [page for page in pages() if "<" not in page[1]]


def model_of(route: str) -> str:
    app, model = route.split("/")[:2]
    return apps.get_model(app, model).__name__


def filled(route: str, identity: str) -> str:
    return "/admin/" + re.sub(r"<[^>]+>", quote(identity), route)


def their_id(theirs: Belongings, route: str) -> str:
    model = model_of(route)
    assert model in theirs.ids or _base(model) in theirs.ids, (
        f"the admin shows {model}, and tests/isolation/belongings.py makes none for Amperia"
    )
    return str(theirs.ids.get(model, theirs.ids.get(_base(model)))[0])  # type: ignore[index]


def _base(name: str) -> str:
    """Return the name of the model a proxy shows."""
    found = next(model for model in apps.get_models() if model.__name__ == name)
    return str(found._meta.concrete_model.__name__)


@pytest.fixture
def browser(voltway: Company, theirs: Belongings) -> Browser:
    return Browser(voltway.users["admin"])


def without(text: str, identity: str) -> str:
    text = re.sub(r'csrfmiddlewaretoken" value="\w+"|nonce="[^"]+"|nonce-[\w=+/-]+', "", text)
    return text.replace(quote(identity), "<id>").replace(identity, "<id>")


@pytest.mark.parametrize("name, route", OF_OBJECTS, ids=lambda value: value)
def test_their_object(browser: Browser, theirs: Belongings, name: str, route: str) -> None:
    """The same answer as for an object that nobody has, and never the object's page."""
    identity = their_id(theirs, route)
    other = missing(identity)
    for send in (browser.client.get, browser.client.post):
        found, nowhere = send(filled(route, identity)), send(filled(route, other))
        assert found.status_code in {302, 403, 404}, (name, found.status_code)
        assert found.status_code == nowhere.status_code
        assert MARK not in found.content.decode()
        assert without(found.content.decode(), identity) == without(nowhere.content.decode(), other)
        assert without(str(found.headers.get("Location", "")), identity) == without(
            str(nowhere.headers.get("Location", "")), other
        )
        _said_alike(browser, identity, other)


def _said_alike(browser: Browser, identity: str, other: str) -> None:
    """Read the messages that both answers have left for the next page."""
    text = browser.html("tenants_membership_changelist")
    assert MARK not in text
    assert text.count(identity) <= text.count(other) or identity in other


@pytest.mark.parametrize("name, route", OF_LISTS, ids=lambda value: value)
def test_nothing_of_theirs_in_lists(browser: Browser, theirs: Belongings, name: str, route: str) -> None:
    for query in ({}, {"q": "AMP"}, {"q": "AMPERI"}, {"tenant": theirs.company.slug}):
        found = browser.client.get(f"/admin/{route}", query)
        text = found.content.decode()
        assert found.status_code in {200, 302, 403, 404}, (name, query, found.status_code)
        assert MARK not in text, (name, query)
        assert "AMP1" not in text, (name, query)
        changelist = (found.context or {}).get("cl")
        if query.get("q") and changelist is not None:
            assert changelist.result_count == 0, (name, query)


@pytest.mark.parametrize("name, route", [page for page in OF_LISTS if page[0].endswith("_changelist")], ids=lambda v: v)
def test_actions_on_their_rows(browser: Browser, theirs: Belongings, name: str, route: str) -> None:
    """`theirs` checks that nothing was changed."""
    identity = their_id(theirs, route)
    page = browser.client.get(f"/admin/{route}")
    offered = re.findall(r'<option value="(\w+)"', page.content.decode()) if page.status_code == 200 else []
    for action in {"delete_selected", *offered}:
        data = {"action": action, "_selected_action": identity, "post": "yes", "index": "0", "select_across": "0"}
        found = browser.client.post(f"/admin/{route}", data)
        assert found.status_code in {200, 302, 403}
        assert MARK not in found.content.decode()


@pytest.mark.parametrize("name, route", OF_OBJECTS, ids=lambda value: value)
def test_the_tenant_switch_does_not_lead_there(voltway: Company, theirs: Belongings, name: str, route: str) -> None:
    """A session that names Amperia, as if somebody could write it, is still Voltway's."""
    browser = Browser(voltway.users["admin"], theirs.company.slug)
    found = browser.client.get(filled(route, their_id(theirs, route)))
    assert found.status_code in {302, 403, 404}
    assert MARK not in found.content.decode()


RELATIONS = [
    (model, field.name) for model in admin.site._registry for field in model._meta.get_fields() if field.many_to_one
]


@pytest.mark.parametrize("model, field", RELATIONS, ids=lambda value: getattr(value, "__name__", value))
def test_no_field_completes_to_theirs(browser: Browser, theirs: Belongings, model: Any, field: str) -> None:
    of = {"app_label": model._meta.app_label, "model_name": model._meta.model_name, "field_name": field}
    for term in ("", theirs.company.slug, "a"):
        found = browser.client.get("/admin/autocomplete/", {**of, "term": term})
        assert found.status_code in {200, 403, 404}
        assert MARK not in found.content.decode()
        assert theirs.company.slug not in found.content.decode()


def test_there_are_pages() -> None:
    assert len(OF_OBJECTS) > 40
    assert len(OF_LISTS) > 15
    assert {model.__name__ for model, _ in RELATIONS} >= {"Membership"}
