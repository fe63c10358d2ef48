"""Two tenants with people in them, on a real MongoDB: Voltway and Amperia, and Root who runs the platform."""

from __future__ import annotations

import csv
import io
import uuid
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from rest_framework.test import APIClient

from tenants.access import access_to
from tenants.clients import sync_client
from tenants.context import tenant_scope
from tenants.models import Membership, Role, Tenant, User
from tenants.provisioning import create_tenant
from tenants.routing import alias_for, database_name
from tenants.tokens import issue_tokens
from tests.leaks import keep_secret

API = "/api/v1"
PASSWORD = "correct-horse-battery-staple"  # one word, which the search for secrets finds
keep_secret(PASSWORD)


class Api:
    """The API as one caller sees it."""

    def __init__(self, token: str | None = None, **headers: str) -> None:
        self._client = APIClient(headers=headers)
        if token:
            self._client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")

    def get(self, path: str, query: dict[str, Any] | None = None, **headers: str) -> Any:
        return self._client.get(_full(path), query, headers=headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self._client.post(_full(path), body, format="json", headers=headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self._client.patch(_full(path), body, format="json", headers=headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self._client.delete(_full(path), headers=headers)

    def send(self, method: str, path: str, body: bytes, content_type: str = "application/json") -> Any:
        return self._client.generic(method, _full(path), body, content_type=content_type)


def _full(path: str) -> str:
    return path if path.startswith(("/", "http")) else f"{API}/{path}"


@dataclass
class Company:
    """A tenant with an admin, an operator and a viewer."""

    slug: str
    users: dict[str, User] = field(default_factory=dict)

    def token(self, role: str = "admin") -> str:
        return issue_tokens(access_to(self.users[role], self.slug)).access

    def api(self, role: str = "admin", **headers: str) -> Api:
        return Api(self.token(role), **headers)


@pytest.fixture(scope="session")
def migrated(django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0)


@pytest.fixture(autouse=True)
def database(migrated: None, django_db_blocker: Any, settings: Any) -> Iterator[None]:
    """Let the test use the database; every test begins with empty counters."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Redis is shared with other tests, so nothing is flushed there.
    backend = "django.core.cache.backends.locmem.LocMemCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": uuid.uuid4().hex}}
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="session")
def company_slugs(migrated: None, django_db_blocker: Any) -> Iterator[tuple[str, str]]:
    """The databases of the two companies: made once, because that takes a while, and emptied for each test."""
    mark = uuid.uuid4().hex[:8]
    slugs = (f"voltway-{mark}", f"amperia-{mark}")
    with django_db_blocker.unblock():
        for slug in slugs:
            create_tenant(slug, slug.capitalize())
    yield slugs
    with django_db_blocker.unblock():
        for slug in slugs:
            drop_tenant(slug)


def drop_tenant(slug: str) -> None:
    Tenant.objects.filter(slug=slug).delete()
    sync_client().drop_database(database_name(slug))


def empty_tenant(slug: str) -> None:
    Tenant.objects.filter(slug=slug).delete()
    database = sync_client()[database_name(slug)]
    for name in database.list_collection_names(filter={"name": {"$not": {"$regex": "^(system|django)"}}}):
        database[name].delete_many({})


def company(slug: str) -> Iterator[Company]:
    empty_tenant(slug)
    Tenant.objects.create(slug=slug, name=slug.split("-", maxsplit=1)[0].capitalize(), api_rate_limit=10_000)
    made = Company(slug)
    for role in Role:
        user = User.objects.create_user(f"{role.value}@{slug}", password=PASSWORD)
        Membership.objects.create(user=user, tenant_id=slug, role=role)
        made.users[role.value] = user
    yield made
    User.objects.filter(username__endswith=f"@{slug}").delete()


@pytest.fixture
def voltway(database: None, company_slugs: tuple[str, str]) -> Iterator[Company]:
    yield from company(company_slugs[0])


@pytest.fixture
def amperia(database: None, company_slugs: tuple[str, str]) -> Iterator[Company]:
    yield from company(company_slugs[1])


@pytest.fixture
def in_voltway(voltway: Company) -> Iterator[None]:
    """Run the test itself with Voltway's database chosen, to prepare what the API shows."""
    with tenant_scope(voltway.slug):
        yield


@pytest.fixture
def root(database: None) -> Iterator[User]:
    """A superuser of the platform."""
    user = User.objects.create_superuser(f"root-{uuid.uuid4().hex[:8]}", password=PASSWORD)
    yield user
    user.delete()


@pytest.fixture
def root_api(root: User) -> Api:
    return Api(issue_tokens(access_to(root, None)).access)


@pytest.fixture
def anyone() -> Api:
    """The API without a token."""
    return Api()


@pytest.fixture
def collection_of(voltway: Company) -> Any:
    """Voltway's collections, as the gateway sees them."""
    return connections[alias_for(voltway.slug)].get_collection


def assert_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    """Check that an answer is a problem in full (RFC 9457) and return it."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    assert document["code"] == code
    assert document["type"] == "about:blank"
    assert document["title"]
    assert document["detail"]
    return document


def csv_rows(response: Any) -> list[list[str]]:
    """Return the lines of a CSV answer, the header first."""
    assert response.status_code == 200, response.content
    assert response["Content-Type"].startswith("text/csv")
    with warnings.catch_warnings():
        # The test client is synchronous; the product serves the stream asynchronously.
        warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume asynchronous iterators")
        text = b"".join(response).decode()
    assert text.endswith("\r\n")
    return list(csv.reader(io.StringIO(text, newline="")))
