"""Which tenant is on: chosen by switch, kept in the session, never another one's."""

from __future__ import annotations

import pytest

from tenants.context import current_tenant
from tenants.models import Membership, Tenant, User
from tests.admin.conftest import Browser, Network, address


@pytest.fixture
def both(nordlade: Network, harbour: Network) -> Browser:
    """Somebody who is a viewer of Nordlade and an administrator of Harbour."""
    Membership.objects.create(user=nordlade.people["viewer"], tenant_id=harbour.slug, role="admin")
    return nordlade.browser("viewer")


def _badge(browser: Browser) -> str:
    return browser.html("tenant").split('id="header-inner"')[1].split('id="content"')[0]


def test_a_superuser_without_a_choice_gets_to_choose(nordlade: Network, harbour: Network, root: User) -> None:
    browser = Browser(root)

    assert browser.get("index").url == address("tenant")
    for page in ("chargepoints_chargepoint", "sessions_app_chargingsession", "sessions_app_idtoken"):
        answer = browser.get(f"{page}_changelist")
        assert answer.status_code == 302
        assert answer.url == f"{address('tenant')}?next=" + address(f"{page}_changelist").replace("/", "%2F")
    assert browser.get("chargepoints_chargepoint_change", "CP1").status_code == 302
    assert browser.post("chargepoints_chargepoint_add", {"id": "CP1"}).url == address("tenant")
    text = browser.html("tenant")
    assert "No tenant chosen" in text
    assert "/chargepoints/" not in text
    browser.html("tenants_tenant_changelist")


def test_a_superuser_switches_among_all(nordlade: Network, harbour: Network, root: User) -> None:
    nordlade.installs("N1")
    harbour.installs("H1")
    browser = Browser(root)

    for network, own, other in ((nordlade, "N1", "H1"), (harbour, "H1", "N1")):
        answer = browser.post("tenant", {"tenant": network.slug})
        assert answer.url == address("index")
        text = browser.html("chargepoints_chargepoint_changelist")
        assert own in text
        assert other not in text


def test_the_switch_leads_back_to_the_wanted_page(nordlade: Network, root: User) -> None:
    page = address("chargepoints_chargepoint_changelist")
    assert Browser(root).post("tenant", {"tenant": nordlade.slug, "next": page}).url == page


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_the_switch_leads_nowhere_else(nordlade: Network, root: User, elsewhere: str) -> None:
    answer = Browser(root).post("tenant", {"tenant": nordlade.slug, "next": elsewhere})
    assert answer.url == address("index")


def test_the_switch_needs_a_csrf_token(nordlade: Network, root: User) -> None:
    browser = Browser(root, enforce_csrf_checks=True)
    assert browser.post("tenant", {"tenant": nordlade.slug}).status_code == 403
    assert browser.get("index").url == address("tenant")


def test_looking_at_an_address_switches_nothing(nordlade: Network, harbour: Network, root: User) -> None:
    browser = Browser(root, nordlade.slug)
    browser.get("tenant", tenant=harbour.slug)
    assert "Nordlade" in browser.html("index")


def test_a_member_of_one_tenant_is_always_in_it(nordlade: Network, harbour: Network) -> None:
    browser = nordlade.browser("admin")

    assert browser.post("tenant", {"tenant": harbour.slug}).status_code == 404
    assert "Nordlade" in _badge(browser)
    assert "Harbour" not in browser.html("tenant")
    forged = Browser(nordlade.people["admin"], harbour.slug)
    assert "Nordlade" in _badge(forged)


def test_a_member_of_several_switches_among_those(nordlade: Network, harbour: Network, both: Browser) -> None:
    assert both.get("index").url == address("tenant")
    assert "No tenant chosen" in _badge(both)

    both.post("tenant", {"tenant": nordlade.slug})
    assert "Nordlade" in _badge(both)
    assert both.get("chargepoints_chargepoint_add").status_code == 403  # a viewer here

    both.post("tenant", {"tenant": harbour.slug})
    assert "Harbour" in _badge(both)
    assert both.get("chargepoints_chargepoint_add").status_code == 200  # an administrator there


def test_whoever_leaves_a_tenant_is_out_of_it_at_once(nordlade: Network, harbour: Network, both: Browser) -> None:
    both.post("tenant", {"tenant": harbour.slug})
    Membership.objects.filter(user=nordlade.people["viewer"], tenant_id=harbour.slug).delete()

    assert "Nordlade" in _badge(both)
    assert both.post("tenant", {"tenant": harbour.slug}).status_code == 404


def test_a_suspended_tenant_is_closed_to_its_members(nordlade: Network) -> None:
    Tenant.objects.filter(pk=nordlade.slug).update(status="suspended")
    browser = nordlade.browser("admin")

    assert browser.get("chargepoints_chargepoint_changelist").status_code == 302
    assert browser.post("tenant", {"tenant": nordlade.slug}).status_code == 404
    assert "suspended" in browser.html("tenant")


def test_a_suspended_tenant_is_marked_for_superusers(nordlade: Network, root: User) -> None:
    Tenant.objects.filter(pk=nordlade.slug).update(status="suspended")
    assert "Nordlade: suspended" in _badge(Browser(root, nordlade.slug))


def test_a_tenant_that_is_gone_is_no_longer_chosen(nordlade: Network, harbour: Network, root: User) -> None:
    assert Browser(root, "was-deleted").get("index").url == address("tenant")


def test_the_choice_page_finds_by_name_and_slug(nordlade: Network, harbour: Network, root: User) -> None:
    text = Browser(root).html("tenant", q=harbour.slug[:10]).split('id="content"')[1]
    assert "Harbour" in text
    assert nordlade.slug not in text


def test_no_tenant_stays_in_force_after_a_request(nordlade: Network) -> None:
    nordlade.browser().html("index")
    assert current_tenant() is None
