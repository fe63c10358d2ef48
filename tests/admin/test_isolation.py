"""Nothing of one network is reached from another: not by address, not in lists, not in counts (faults.md, I4)."""

from __future__ import annotations

import pytest

from sessions_app.models import IdToken
from tenants.context import tenant_scope
from tenants.models import Membership, User
from tests.admin.charges import store_readings, store_session
from tests.admin.conftest import Browser, Network, address


@pytest.fixture
def theirs(harbour: Network) -> dict[str, object]:
    """What Harbour has; the primary key of each by the name of its pages."""
    harbour.installs("HARBOUR-1")
    with tenant_scope(harbour.slug):
        IdToken.objects.create(id="harbourtag", id_tag="HARBOURTAG")
    store_readings(harbour.slug, store_session(harbour.slug, "harbour-session"), 3)
    return {
        "chargepoints_chargepoint": "HARBOUR-1",
        "sessions_app_chargingsession": "harbour-session",
        "sessions_app_idtoken": "harbourtag",
        "tenants_membership": Membership.objects.get(user=harbour.people["viewer"]).pk,
    }


def _stored(network: Network) -> object:
    rows = [list(network.db[name].find()) for name in ("charge_points", "sessions", "id_tokens")]
    return rows, list(Membership.objects.filter(tenant_id=network.slug).values())


def test_their_objects_are_not_found(nordlade: Network, harbour: Network, theirs: dict[str, object]) -> None:
    browser = nordlade.browser("admin")
    before = _stored(harbour)

    for page, pk in theirs.items():
        answers = [browser.get(f"{page}_change", pk)]
        if page != "sessions_app_chargingsession":  # nobody edits sessions, wherever they are
            answers.append(browser.post(f"{page}_change", {"role": "admin"}, pk))
            answers.append(browser.post(f"{page}_delete", {"post": "yes"}, pk))
        for answer in answers:
            assert answer.status_code == 302  # Django's answer for what does not exist
            assert answer.url == address("index")

    assert _stored(harbour) == before


@pytest.mark.parametrize("page", ["new_key", "sessions"])
def test_actions_on_their_stations_are_not_found(
    nordlade: Network, harbour: Network, theirs: dict[str, object], page: str
) -> None:
    before = _stored(harbour)
    browser = nordlade.browser("admin")
    assert browser.get(f"chargepoints_chargepoint_{page}", "HARBOUR-1").status_code == 404
    assert browser.post(f"chargepoints_chargepoint_{page}", {}, "HARBOUR-1").status_code == 404
    assert _stored(harbour) == before


def test_their_objects_are_in_no_list(nordlade: Network, theirs: dict[str, object]) -> None:
    browser = nordlade.browser("admin")
    for page in theirs:
        answer = browser.get(f"{page}_changelist", q="harbour")
        assert answer.context["cl"].result_count == 0
    assert "Connect the first station" in browser.html("index")


def test_deleting_theirs_from_ones_own_list_deletes_nothing(
    nordlade: Network, harbour: Network, theirs: dict[str, object]
) -> None:
    before = _stored(harbour)
    for page, pk in theirs.items():
        nordlade.browser("admin").post(
            f"{page}_changelist", {"action": "delete_selected", "_selected_action": str(pk), "post": "yes"}
        )
    assert _stored(harbour) == before


def test_namesakes_are_kept_apart(nordlade: Network, harbour: Network, root: User) -> None:
    nordlade.installs("SAME", name="Of Nordlade")
    harbour.installs("SAME", name="Of Harbour")

    Browser(root, nordlade.slug).post("chargepoints_chargepoint_delete", {"post": "yes"}, "SAME")

    assert nordlade.db["charge_points"].count_documents({}) == 0
    assert "Of Harbour" in Browser(root, harbour.slug).html("chargepoints_chargepoint_change", "SAME")


def test_members_of_other_tenants_are_not_listed(nordlade: Network, harbour: Network) -> None:
    text = nordlade.browser("admin").html("tenants_membership_changelist")
    assert f"viewer@{nordlade.slug}" in text
    assert f"viewer@{harbour.slug}" not in text


def test_the_menu_search_tells_nothing_of_data(nordlade: Network, theirs: dict[str, object]) -> None:
    assert "harbour" not in nordlade.browser().html("search", s="harbour", extended="1").lower()
