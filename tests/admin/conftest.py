"""Two charging networks with their people, on a real MongoDB: Nordlade and Harbour, and Root who runs the platform."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from bson import ObjectId
from django.contrib.admin.utils import quote
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from pymongo.database import Database

from chargepoints.provisioning import create_charge_point
from tenants.admin_site.access import SESSION_KEY
from tenants.clients import Document, sync_client
from tenants.context import tenant_scope
from tenants.models import Membership, Role, Tenant, User
from tenants.provisioning import create_tenant
from tenants.routing import database_name
from tests.leaks import keep_secret

PASSWORD = "correct-horse-battery-staple"  # one word, which the search for secrets finds
keep_secret(PASSWORD)


class Browser:
    """The admin as one person sees it; pages are named as Django names its URLs, without `admin:`."""

    def __init__(self, user: User | None = None, tenant: str | None = None, **client: Any) -> None:
        self.client = Client(**client)
        if user is not None:
            self.client.force_login(user)
        if tenant is not None:
            session = self.client.session
            session[SESSION_KEY] = tenant
            session.save()

    def get(self, page: str, pk: object = None, **query: Any) -> Any:
        return self.client.get(address(page, pk), query)

    def post(self, page: str, data: dict[str, Any], pk: object = None) -> Any:
        return self.client.post(address(page, pk), data)

    def html(self, page: str, pk: object = None, **query: Any) -> str:
        """Return the text of a page that must be there."""
        answer = self.get(page, pk, **query)
        assert answer.status_code == 200, (page, answer.status_code)
        return str(answer.content.decode())

    def fields(self, page: str, pk: object = None) -> dict[str, Any]:
        """Return the values of the form on a page, as a browser would send them unchanged."""
        answer = self.get(page, pk)
        assert answer.status_code == 200, (page, answer.status_code)
        forms = [answer.context["adminform"].form]
        for inline in answer.context["inline_admin_formsets"]:
            forms += [inline.formset.management_form, *inline.formset.forms]
        bounds = [bound for form in forms for bound in form]
        shown = {bound.html_initial_name: bound for bound in bounds if bound.field.show_hidden_initial}
        return {name: _sent(b.value()) for name, b in ({b.html_name: b for b in bounds} | shown).items()}


def _sent(value: Any) -> Any:
    return "" if value is None else str(value) if isinstance(value, ObjectId) else value


def address(page: str, pk: object = None) -> str:
    """Return the address of an admin page; a page that begins with `/` is one already."""
    if page.startswith("/"):
        return page
    return reverse(f"admin:{page}", args=() if pk is None else (quote(pk),))


@dataclass
class Network:
    """A tenant with an administrator, an operator and a viewer."""

    slug: str
    people: dict[str, User] = field(default_factory=dict)

    @property
    def db(self) -> Database[Document]:
        return sync_client()[database_name(self.slug)]

    def browser(self, role: str = "admin") -> Browser:
        return Browser(self.people[role])

    def installs(self, identity: str, **fields: Any) -> str:
        with tenant_scope(self.slug):
            create_charge_point(identity, **fields)
        return identity


@pytest.fixture(scope="session")
def migrated(django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0)


@pytest.fixture(autouse=True)
def database(migrated: None, django_db_blocker: Any, settings: Any) -> Iterator[None]:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="session")
def network_slugs(migrated: None, django_db_blocker: Any) -> Iterator[tuple[str, str]]:
    """The databases of both networks: made once, because that takes a while, and emptied for each test."""
    mark = uuid.uuid4().hex[:6]
    slugs = (f"nordlade-{mark}", f"harbour-{mark}")
    with django_db_blocker.unblock():
        for slug in slugs:
            create_tenant(slug, slug)
    yield slugs
    with django_db_blocker.unblock():
        for slug in slugs:
            Tenant.objects.filter(slug=slug).delete()
            sync_client().drop_database(database_name(slug))


def network(slug: str) -> Iterator[Network]:
    Tenant.objects.filter(slug=slug).delete()
    Tenant.objects.create(slug=slug, name=slug.split("-", maxsplit=1)[0].capitalize())
    made = Network(slug)
    for name in ("charge_points", "connectors", "counters", "sessions", "meter_values", "id_tokens"):
        made.db[name].delete_many({})
    for role in Role:
        user = User.objects.create_user(f"{role.value}@{slug}", password=PASSWORD)
        Membership.objects.create(user=user, tenant_id=slug, role=role)
        made.people[role.value] = user
    yield made
    User.objects.filter(username__endswith=f"@{slug}").delete()


@pytest.fixture
def nordlade(database: None, network_slugs: tuple[str, str]) -> Iterator[Network]:
    yield from network(network_slugs[0])


@pytest.fixture
def harbour(database: None, network_slugs: tuple[str, str]) -> Iterator[Network]:
    yield from network(network_slugs[1])


@pytest.fixture
def root(database: None) -> Iterator[User]:
    """A superuser of the platform."""
    user = User.objects.create_superuser(f"root-{uuid.uuid4().hex[:6]}", password=PASSWORD)
    yield user
    user.delete()
