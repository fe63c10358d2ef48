"""The table of roles, row by row, over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from rest_framework.views import APIView

from chargepoints.provisioning import create_charge_point
from csms.urls import urlpatterns
from sessions_app.models import IdToken
from tenants.context import tenant_scope
from tenants.permissions import LEAST_ROLE, RolePermission, allows
from tests.rest.addresses import api_views
from tests.rest.conftest import Api, Company, assert_problem

ROLES = ("viewer", "operator", "admin")
PROFILE = {"purpose": "tx_default", "schedule": {"unit": "A", "periods": [{"start": 0, "limit": 16}]}}


@dataclass(frozen=True)
class Call:
    """A request and the roles that may make it."""

    method: str
    path: str
    body: dict[str, Any] | None
    allowed: tuple[str, ...]

    def make(self, api: Api, slug: str) -> Any:
        arguments = [] if self.method in ("get", "delete") else [self.body]
        return getattr(api, self.method)(self.path.format(slug=slug), *arguments)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


CALLS = [
    Call("get", "chargepoints", None, ROLES),
    Call("get", "chargepoints/CP1", None, ROLES),
    Call("get", "chargepoints/CP1/connectors", None, ROLES),
    Call("get", "chargepoints/CP1/sessions", None, ROLES),
    Call("post", "chargepoints", {"id": "CP2"}, ("admin",)),
    Call("patch", "chargepoints/CP1", {"name": "x"}, ("admin",)),
    Call("post", "chargepoints/CP1/credentials", None, ("admin",)),
    Call("delete", "chargepoints/CP1", None, ("admin",)),
    Call("get", "sessions", None, ROLES),
    Call("get", "id-tokens", None, ROLES),
    Call("get", "id-tokens/aa", None, ROLES),
    Call("post", "id-tokens", {"id_tag": "BB"}, ("operator", "admin")),
    Call("patch", "id-tokens/aa", {"note": "x"}, ("operator", "admin")),
    Call("delete", "id-tokens/aa", None, ("admin",)),
    Call("get", "local-lists", None, ROLES),
    Call("get", "local-lists/CP1", None, ROLES),
    Call("patch", "local-lists/CP1", {"mode": "all"}, ("operator", "admin")),
    Call("post", "local-lists/CP1/synchronize", None, ("operator", "admin")),
    Call("get", "reservations", None, ROLES),
    Call("get", "chargepoints/CP1/configuration", None, ROLES),
    Call("get", "wanted-settings", None, ROLES),
    Call("post", "wanted-settings", {"key": "k", "value": "v"}, ("admin",)),
    Call("get", "charging-profiles", None, ROLES),
    Call("get", "chargepoints/CP1/charging-profiles", None, ROLES),
    Call("post", "charging-profiles", PROFILE, ("operator", "admin")),
    Call("get", "tenants", None, ROLES),
    Call("get", "tenants/{slug}", None, ROLES),
    Call("post", "tenants", {"slug": "new", "name": "New"}, ()),
    Call("patch", "tenants/{slug}", {"name": "x"}, ()),
    Call("post", "tenants/{slug}/suspend", None, ()),
    Call("post", "tenants/{slug}/resume", None, ()),
]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("call", CALLS, ids=str)
def test_role(voltway: Company, role: str, call: Call) -> None:
    with tenant_scope(voltway.slug):
        create_charge_point("CP1")
        IdToken.objects.create(id="aa", id_tag="AA")

    answer = call.make(voltway.api(role), voltway.slug)

    if role in call.allowed:
        assert answer.status_code in (200, 201, 202, 204), answer.content
    else:
        assert_problem(answer, 403, "permission_denied")


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_nobody_without_a_token(anyone: Api, call: Call) -> None:
    assert_problem(call.make(anyone, "x"), 401, "not_authenticated")


def test_every_view_has_its_row_or_needs_no_token() -> None:
    views = api_views(urlpatterns)

    assert len(views) > 30
    for view in views:
        open_to_all = not view.authentication_classes and not view.permission_classes
        assert open_to_all or view.permission_resource in LEAST_ROLE, view


def test_a_view_that_names_nothing_is_open_to_nobody(voltway: Company) -> None:
    class Forgotten(APIView):
        pass

    assert Forgotten.permission_classes == [RolePermission]
    assert not allows("superuser", None)
    assert not allows("unheard-of", "viewer")
