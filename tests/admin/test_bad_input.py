"""What nobody sends by accident: it is refused or finds nothing, and is never an error of ours."""

from __future__ import annotations

import pytest

from chargepoints.provisioning import rotate_key
from tenants.context import tenant_scope
from tests.admin.charges import store_session
from tests.admin.conftest import Network

LISTS = ("chargepoints_chargepoint", "sessions_app_chargingsession", "sessions_app_idtoken", "tenants_membership")
STRANGE = ("\x00", "a\x00b", "$ne", '{"$gt": ""}', "../../x", "%00", "\ud7ff\U0001f600", "_5F_", "x" * 3000)


@pytest.mark.parametrize("page", LISTS)
def test_strange_ids_are_not_found(nordlade: Network, page: str) -> None:
    browser = nordlade.browser("admin")
    for pk in STRANGE:
        assert browser.get(f"{page}_change", pk).status_code == 302
        assert browser.client.get(f"/admin/{page.replace('_', '/', 1)}/%00/change/").status_code in {302, 404}


def test_no_page_leads_elsewhere(nordlade: Network) -> None:
    """Django's way to the page of an object on the site around the admin: there is no such site."""
    assert nordlade.browser("admin").client.get("/admin/r/1/2/").status_code == 404


@pytest.mark.parametrize("page", LISTS)
def test_strange_searches_find_nothing(nordlade: Network, page: str) -> None:
    nordlade.installs("CP1")
    store_session(nordlade.slug, "s1")
    browser = nordlade.browser("admin")
    for text in STRANGE:
        for query in ({"q": text}, {"station": text}, {"p": text}, {"o": text}, {"connection": text}, {text: "1"}):
            assert browser.get(f"{page}_changelist", **query).status_code in {200, 302, 400}


def test_a_list_is_filtered_by_its_filters_only(nordlade: Network) -> None:
    nordlade.installs("CP1")
    with tenant_scope(nordlade.slug):
        rotate_key("CP1")
    browser = nordlade.browser("viewer")

    for lookup in ("credential_hash__startswith", "credential_hash", "credential_hash__regex", "epoch__gte"):
        assert browser.get("chargepoints_chargepoint_changelist", **{lookup: "sha256"}).status_code == 400
    assert browser.get("chargepoints_chargepoint_changelist", registration__exact="accepted").status_code == 200


@pytest.mark.parametrize("lookup", ["user__password__startswith", "user__email", "tenant__name", "user__memberships"])
def test_members_are_not_asked_about_their_accounts(nordlade: Network, lookup: str) -> None:
    answer = nordlade.browser("admin").get("tenants_membership_changelist", **{lookup: "a"})
    assert answer.status_code in {302, 400}


def test_tenants_are_not_offered_to_members_by_auto_completion(nordlade: Network, harbour: Network) -> None:
    query = {"app_label": "tenants", "model_name": "membership", "field_name": "tenant", "term": "har"}
    assert nordlade.browser("admin").get("autocomplete", **query).status_code == 403
