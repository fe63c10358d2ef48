"""Who may do what: the table of REST, seen through the admin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sessions_app.models import IdToken
from tenants.context import tenant_scope
from tenants.models import Membership
from tests.admin.charges import store_session
from tests.admin.conftest import Browser, Network

ROLES = ("viewer", "operator", "admin")
STATION = {"id": "CP9", "name": "New", "registration": "accepted", "security_profile": "1"}
TOKEN = {"id_tag": "NEW1", "type": "rfid", "status": "accepted", "max_active": "1"}
CHANGED_TOKEN = {"type": "rfid", "status": "blocked", "max_active": "1"}

# What is done, and the roles that may do it.
DEEDS: dict[str, tuple[Callable[[Browser], Any], set[str]]] = {
    "create a station": (lambda b: b.post("chargepoints_chargepoint_add", STATION), {"admin"}),
    "edit a station": (lambda b: b.post("chargepoints_chargepoint_change", {}, "CP1"), {"admin"}),
    "ask for a new key": (lambda b: b.get("chargepoints_chargepoint_new_key", "CP1"), {"admin"}),
    "make a new key": (lambda b: b.post("chargepoints_chargepoint_new_key", {}, "CP1"), {"admin"}),
    "delete a station": (
        lambda b: b.post("chargepoints_chargepoint_delete", {"post": "yes"}, "CP1"),
        {"admin"},
    ),
    "create a token": (lambda b: b.post("sessions_app_idtoken_add", TOKEN), {"operator", "admin"}),
    "edit a token": (
        lambda b: b.post("sessions_app_idtoken_change", CHANGED_TOKEN, "t1"),
        {"operator", "admin"},
    ),
    "delete a token": (lambda b: b.post("sessions_app_idtoken_delete", {"post": "yes"}, "t1"), {"admin"}),
    "create a session": (lambda b: b.post("sessions_app_chargingsession_add", {}), set()),
    "edit a session": (lambda b: b.post("sessions_app_chargingsession_change", {"energy_wh": "1"}, "s1"), set()),
    "delete a session": (
        lambda b: b.post("sessions_app_chargingsession_delete", {"post": "yes"}, "s1"),
        set(),
    ),
    "see the members": (lambda b: b.get("tenants_membership_changelist"), {"admin"}),
    "add a member": (lambda b: b.post("tenants_membership_add", {}), {"admin"}),
}


@pytest.fixture
def furnished(nordlade: Network) -> Network:
    nordlade.installs("CP1")
    with tenant_scope(nordlade.slug):
        IdToken.objects.create(id="t1", id_tag="T1")
    store_session(nordlade.slug, "s1")
    return nordlade


def _everything(network: Network) -> Any:
    """Return all that could have been changed."""
    rows = {name: list(network.db[name].find()) for name in ("charge_points", "sessions", "id_tokens")}
    return rows, list(Membership.objects.filter(tenant_id=network.slug).values())


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("deed", DEEDS)
def test_a_deed_needs_its_role(furnished: Network, deed: str, role: str) -> None:
    act, allowed = DEEDS[deed]
    before = _everything(furnished)

    answer = act(furnished.browser(role))

    if role in allowed:
        assert answer.status_code in {200, 302}
    else:
        assert answer.status_code == 403
        assert _everything(furnished) == before


@pytest.mark.parametrize("role", ROLES)
def test_what_may_not_be_done_is_not_offered(furnished: Network, role: str) -> None:
    browser = furnished.browser(role)
    admin = role == "admin"

    station = browser.html("chargepoints_chargepoint_change", "CP1")
    assert ("New key" in station) is admin
    assert ('name="_save"' in station) is admin
    assert ("/delete/" in station) is admin
    assert ("/add/" in browser.html("sessions_app_idtoken_changelist")) is (role != "viewer")
    assert ("delete_selected" in browser.html("chargepoints_chargepoint_changelist")) is admin
    assert ("/tenants/membership/" in browser.html("index")) is admin
    assert 'name="_save"' not in browser.html("sessions_app_chargingsession_change", "s1")


@pytest.mark.parametrize("page", ["chargepoints_chargepoint", "sessions_app_idtoken"])
def test_a_viewer_cannot_delete_through_the_action_of_a_list(furnished: Network, page: str) -> None:
    chosen = "CP1" if page == "chargepoints_chargepoint" else "t1"
    before = _everything(furnished)

    furnished.browser("viewer").post(
        f"{page}_changelist", {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    )

    assert _everything(furnished) == before
