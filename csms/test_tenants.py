"""Two tenants to play with: users, stations and id tokens whose secrets are the same at every run.

Only hashes are stored, so passwords and keys are derived from SECRET_KEY and set again where they do not fit.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password

from chargepoints.batch_provisioning import ensure_charge_points
from chargepoints.station_urls import short_station_url, station_url
from sessions_app.authorization import token_key
from sessions_app.models import IdToken
from tenants.access import access_to, default_access
from tenants.context import tenant_scope
from tenants.models import Membership, Role, Tenant, User
from tenants.provisioning import create_tenant
from tenants.tokens import issue_tokens

SLUGS = ("tenant1", "tenant2")
SUPERUSER_NAME = "admin"
ID_TAGS = 10
# A playground is for trying things out; what it is not meant to show by accident is a 429.
API_RATE_LIMIT = 6000
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def derived(purpose: str) -> str:
    """Return 40 hex digits that only depend on SECRET_KEY and the purpose."""
    return hmac.new(settings.SECRET_KEY.encode(), purpose.encode(), "sha256").hexdigest()[:40]


@dataclass(frozen=True, slots=True)
class Login:
    """A user of the playground; without a tenant, the superuser of the platform."""

    username: str
    tenant: str | None = None
    role: Role | None = None

    @property
    def password(self) -> str:
        """The same at every run."""
        return derived(f"user:{self.username}")[:20]


def ensure_test_tenants(stations: int) -> dict[str, Any]:
    """Create what is missing, repair what differs, and return everything with its secrets and fresh tokens."""
    for slug in SLUGS:
        _ensure_tenant(slug, stations)
    users = _ensure_users()
    tenants = [_describe_tenant(slug, stations, users) for slug in SLUGS]
    return {"tenants": tenants, "superuser": _describe_login(Login(SUPERUSER_NAME), users[SUPERUSER_NAME])}


def _logins() -> Iterator[Login]:
    yield Login(SUPERUSER_NAME)
    for slug in SLUGS:
        yield from _members(slug)


def _members(slug: str) -> list[Login]:
    return [Login(f"{slug}_{role.value}", slug, role) for role in Role]


def _identities(slug: str, stations: int) -> list[str]:
    return [f"{slug}_CP{number:03d}" for number in range(1, stations + 1)]


def _station_key(identity: str) -> str:
    return derived(f"station:{identity}")


def _id_tags(slug: str) -> list[str]:
    return [f"{slug.upper()}TAG{number:03d}" for number in range(1, ID_TAGS + 1)]


def _ensure_tenant(slug: str, stations: int) -> None:
    tenant = create_tenant(slug, f"Test tenant {slug[-1]}", api_rate_limit=API_RATE_LIMIT)
    # Room for those asked for beside those that are there.
    wanted = {"status": Tenant.Status.ACTIVE.value, "max_charge_points": max(tenant.max_charge_points, 2 * stations)}
    if any(getattr(tenant, name) != value for name, value in wanted.items()):
        Tenant.objects.filter(slug=slug).update(**wanted)
    with tenant_scope(slug):
        ensure_charge_points({identity: _station_key(identity) for identity in _identities(slug, stations)})
        _ensure_id_tokens(slug)


def _ensure_id_tokens(slug: str) -> None:
    for tag in _id_tags(slug):
        _ensure_id_token(tag, status=IdToken.Status.ACCEPTED, expires_at=None)
    _ensure_id_token(f"{slug.upper()}BLOCKED", status=IdToken.Status.BLOCKED, expires_at=None)
    _ensure_id_token(f"{slug.upper()}EXPIRED", status=IdToken.Status.EXPIRED, expires_at=LONG_AGO)


def _ensure_id_token(tag: str, **fields: Any) -> None:
    # No limit on simultaneous sessions, so that a simulated fleet may share one tag.
    IdToken.objects.update_or_create(pk=token_key(tag), defaults={"id_tag": tag, "max_active": None, **fields})


def _ensure_users() -> dict[str, User]:
    logins = list(_logins())
    stored = {user.username: user for user in User.objects.filter(username__in=[login.username for login in logins])}
    users = dict(zip((login.username for login in logins), _with_passwords(logins, stored), strict=True))
    for login in logins:
        if login.tenant is not None:
            Membership.objects.update_or_create(
                user=users[login.username], tenant_id=login.tenant, defaults={"role": login.role}
            )
    return users


def _with_passwords(logins: Sequence[Login], stored: dict[str, User]) -> list[User]:
    """Hashing a password takes a third of a second and no lock of Python's: do it in threads."""

    def hashed(login: Login) -> str:
        known = stored[login.username].password if login.username in stored else ""
        return known if known and check_password(login.password, known) else make_password(login.password)

    with ThreadPoolExecutor() as threads:
        hashes = list(threads.map(hashed, logins))
    return [_ensure_user(login, password_hash) for login, password_hash in zip(logins, hashes, strict=True)]


def _ensure_user(login: Login, password_hash: str) -> User:
    fields = {
        "password": password_hash,
        "is_active": True,
        "is_staff": True,
        "is_superuser": login.tenant is None,
    }
    user, _ = User.objects.update_or_create(username=login.username, defaults=fields)
    return user


def _describe_tenant(slug: str, stations: int, users: dict[str, User]) -> dict[str, Any]:
    tenant = Tenant.objects.get(slug=slug)
    return {
        "slug": slug,
        "database": tenant.database_name,
        "users": [_describe_login(login, users[login.username]) for login in _members(slug)],
        "stations": [
            {
                "id": identity,
                "key": _station_key(identity),
                "url": station_url(slug, identity),
                "alt_url": short_station_url(slug, identity),
            }
            for identity in _identities(slug, stations)
        ],
        "id_tags": _id_tags(slug),
    }


def _describe_login(login: Login, user: User) -> dict[str, Any]:
    access = access_to(user, login.tenant) if login.tenant else default_access(user)
    role = {"role": login.role.value} if login.role else {}
    return {
        "username": login.username,
        "password": login.password,
        **role,
        "access": issue_tokens(access).access,
    }
