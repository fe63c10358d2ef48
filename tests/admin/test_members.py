"""Members and users: a tenant's administrators keep their own list, superusers keep all accounts."""

from __future__ import annotations

from typing import Any

import pytest

from tenants.models import Membership, User
from tests.admin.conftest import PASSWORD, Browser, Network, address

PAGE = "tenants_membership"


def _role(user: User, network: Network) -> str | None:
    membership = user.membership_in(network.slug)
    return None if membership is None else str(membership.role)


def _membership(network: Network, role: str) -> Any:
    return Membership.objects.get(user=network.people[role], tenant_id=network.slug).pk


def test_a_new_person_gets_an_account_and_a_role(nordlade: Network) -> None:
    name = f"new@{nordlade.slug}"
    answer = nordlade.browser().post(f"{PAGE}_add", {"username": name, "password": PASSWORD, "role": "operator"})

    assert answer.status_code == 302
    user = User.objects.get(username=name)
    assert _role(user, nordlade) == "operator"
    assert user.check_password(PASSWORD)
    assert not user.is_superuser
    assert not user.is_staff


def test_an_existing_person_keeps_password_and_other_tenants(nordlade: Network, harbour: Network) -> None:
    person = harbour.people["viewer"]
    answer = nordlade.browser().post(f"{PAGE}_add", {"username": person.username, "role": "admin"})

    assert answer.status_code == 302
    assert (_role(person, nordlade), _role(person, harbour)) == ("admin", "viewer")
    assert User.objects.get(pk=person.pk).password == person.password


@pytest.mark.parametrize(
    "data, field, text",
    [
        ({"username": "nobody-of-this-name"}, "password", "no account of this name"),
        ({"username": "nobody-of-this-name", "password": "short"}, "password", "too short"),
        ({"username": "spaces are wrong", "password": PASSWORD}, "username", "valid username"),
        ({"username": "{viewer}"}, "username", "member already"),
        ({"username": "{harbour}", "password": PASSWORD}, "password", "leave the password empty"),
    ],
)
def test_what_cannot_be_added(nordlade: Network, harbour: Network, data: dict[str, str], field: str, text: str) -> None:
    names = {"viewer": nordlade.people["viewer"].username, "harbour": harbour.people["admin"].username}
    sent = {key: value.format(**names) for key, value in data.items()} | {"role": "viewer"}
    before = (User.objects.count(), Membership.objects.count(), harbour.people["admin"].password)

    answer = nordlade.browser().post(f"{PAGE}_add", sent)

    assert text in str(answer.context["adminform"].form.errors[field])
    after = User.objects.get(pk=harbour.people["admin"].pk).password
    assert (User.objects.count(), Membership.objects.count(), after) == before


def test_the_tenant_cannot_be_posted(nordlade: Network, harbour: Network) -> None:
    name = f"sly@{nordlade.slug}"
    nordlade.browser().post(
        f"{PAGE}_add",
        {"username": name, "password": PASSWORD, "role": "admin", "tenant": harbour.slug, "is_superuser": "on"},
    )
    user = User.objects.get(username=name)
    assert (_role(user, nordlade), _role(user, harbour), user.is_superuser) == ("admin", None, False)


def test_a_role_is_changed(nordlade: Network) -> None:
    nordlade.browser().post(f"{PAGE}_change", {"role": "operator"}, _membership(nordlade, "viewer"))
    assert _role(nordlade.people["viewer"], nordlade) == "operator"


def test_a_member_is_removed_and_the_account_stays(nordlade: Network) -> None:
    nordlade.browser().post(f"{PAGE}_delete", {"post": "yes"}, _membership(nordlade, "viewer"))
    assert _role(nordlade.people["viewer"], nordlade) is None
    assert User.objects.filter(pk=nordlade.people["viewer"].pk).exists()


def test_nobody_changes_or_removes_their_own_role(nordlade: Network) -> None:
    browser, own = nordlade.browser(), _membership(nordlade, "admin")

    assert browser.post(f"{PAGE}_change", {"role": "viewer"}, own).status_code == 403
    assert browser.post(f"{PAGE}_delete", {"post": "yes"}, own).status_code == 403
    browser.post(f"{PAGE}_changelist", {"action": "delete_selected", "_selected_action": str(own), "post": "yes"})

    assert _role(nordlade.people["admin"], nordlade) == "admin"


def test_the_page_of_a_member_tells_nothing_of_other_tenants(nordlade: Network, harbour: Network) -> None:
    Membership.objects.create(user=harbour.people["viewer"], tenant_id=nordlade.slug, role="viewer")
    person = harbour.people["viewer"]
    User.objects.filter(pk=person.pk).update(email="private@example.com", last_name="Harbourmaster")
    membership = Membership.objects.get(user=person, tenant_id=nordlade.slug)

    text = nordlade.browser().html(f"{PAGE}_change", membership.pk) + nordlade.browser().html(f"{PAGE}_changelist")

    for secret in ("private@example.com", "Harbourmaster", f'"{harbour.slug}"', ">Harbour<"):
        assert secret not in text


def test_a_superuser_edits_accounts_and_memberships(nordlade: Network, harbour: Network, root: User) -> None:
    browser, person = Browser(root), nordlade.people["viewer"]
    form = browser.fields("tenants_user_change", person.pk)
    form |= {
        "first_name": "Vera",
        "is_active": "on",
        "is_superuser": "",
        "memberships-TOTAL_FORMS": "2",
        "memberships-0-role": "operator",
        "memberships-1-tenant": harbour.slug,
        "memberships-1-role": "viewer",
    }

    answer = browser.post("tenants_user_change", form, person.pk)

    assert answer.status_code == 302, answer.context["errors"]
    assert (_role(person, nordlade), _role(person, harbour)) == ("operator", "viewer")
    stored = User.objects.get(pk=person.pk)
    assert (stored.first_name, stored.password, stored.is_superuser) == ("Vera", person.password, False)


def test_a_superuser_creates_an_account_and_sets_a_password(nordlade: Network, root: User) -> None:
    name = f"made@{nordlade.slug}"
    browser = Browser(root)
    form = browser.fields("tenants_user_add") | {"username": name, "password1": PASSWORD, "password2": PASSWORD}
    browser.post("tenants_user_add", form | {"is_superuser": ""})
    user = User.objects.get(username=name)
    assert user.check_password(PASSWORD)

    other = PASSWORD[::-1]
    browser.post(f"{address('tenants_user_changelist')}{user.pk}/password/", {"password1": other, "password2": other})
    assert User.objects.get(pk=user.pk).check_password(other)


def test_a_superuser_deletes_accounts_but_not_the_own_one(nordlade: Network, harbour: Network, root: User) -> None:
    browser = Browser(root)
    browser.post("tenants_user_delete", {"post": "yes"}, nordlade.people["viewer"].pk)
    assert not User.objects.filter(pk=nordlade.people["viewer"].pk).exists()
    assert not Membership.objects.filter(user_id=nordlade.people["viewer"].pk).exists()

    assert browser.post("tenants_user_delete", {"post": "yes"}, root.pk).status_code == 403
