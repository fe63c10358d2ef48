"""API keys: making, checking and revoking them, and when each was used last.

A key is `csms_<id>_<secret>`. The secret has 256 random bits, so a plain SHA-256 of it cannot be turned back; a slow
hash would cost every request a third of a second and gain nothing. The prefix lets scanners find keys in public code.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError

from csms.api_key_form import FORM, PREFIX
from csms.errors import Conflict, CsmsError
from tenants.access import Access, TenantSuspended
from tenants.api_key import ApiKey
from tenants.models import Tenant
from tenants.permissions import LEAST_ROLE
from tenants.program import Program
from tenants.standing import standing_of_key

MAX_PER_TENANT = 100
DEFAULT_LIFETIME = timedelta(days=365)
LONGEST_LIFETIME = timedelta(days=2 * 365)
# A key that leaks must not make itself an heir, nor let people in; and the platform is no tenant's.
FOR_PEOPLE_ONLY = frozenset({"api-keys", "members", "users", "platform-audit-log"})
RESOURCES = tuple(sorted(set(LEAST_ROLE) - FOR_PEOPLE_ONLY))
# The last use is written down this often at most, by each process: a request costs no write.
USE_WRITTEN_EVERY = 60.0

_last_written: dict[str, float] = {}


class KeyRefused(CsmsError):
    """An API key that does not exist, has expired or was revoked."""

    code = "api_key_not_valid"
    http_status = 401


class TooManyKeys(Conflict):
    """The tenant has as many keys as it may have."""

    code = "api_key_limit"


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was made just now; `text` is shown once and stored nowhere."""

    key: ApiKey
    text: str = field(repr=False)


def new_secret() -> str:
    """Return 64 random hex digits."""
    return secrets.token_hex(32)


def key_text(secret: str) -> str:
    """Return the key with a secret, as its owner gets to see it."""
    return f"{PREFIX}{_id_of(secret)}_{secret}"


def _id_of(secret: str) -> str:
    return _digest("id:" + secret)[:16]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def create_key(tenant: str, *, created_by: str, secret: str | None = None, **fields: Any) -> NewKey:
    """Store a new key of a tenant and return it with its text.

    Raises:
        Conflict: there is a key with this secret.
        TooManyKeys: the tenant has `MAX_PER_TENANT` that are neither expired nor revoked.
    """
    now = datetime.now(UTC)
    usable = ApiKey.objects.filter(tenant_id=tenant, revoked_at=None, expires_at__gt=now)
    too_many = TooManyKeys(f"a tenant may have {MAX_PER_TENANT} keys: revoke one that is not needed any more")
    if usable.count() >= MAX_PER_TENANT:
        raise too_many
    secret = new_secret() if secret is None else secret
    key = ApiKey(
        id=_id_of(secret),
        tenant_id=tenant,
        secret_hash=_digest(secret),
        created_by=created_by[:150],
        created_at=now,
        **{"expires_at": now + DEFAULT_LIFETIME, **fields},
    )
    try:
        key.save(force_insert=True)
        if usable.count() > MAX_PER_TENANT:  # others have made some at the same moment
            key.delete()
            raise too_many
    except IntegrityError:
        raise Conflict(
            "this Idempotency-Key has made a key before: use a new one", code="idempotency_key_reused"
        ) from None
    return NewKey(key, key_text(secret))


def revoke(key: ApiKey) -> None:
    """End a key for good; at once, on every instance."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=datetime.now(UTC))


def access_with_key(text: str, address: str) -> Access:
    """Return the access a key stands for, and remember that it was used.

    Raises:
        KeyRefused: it is none of ours, expired or revoked.
        tenants.access.TenantSuspended: its tenant is suspended.
    """
    match = FORM.fullmatch(text)
    found = standing_of_key(match["id"]) if match else None
    if match is None or found is None:
        raise _unknown()
    key, tenant = found
    if not hmac.compare_digest(key.secret_hash, _digest(match["secret"])):
        raise _unknown()
    state = key.state(datetime.now(UTC))
    if state != "active":
        raise KeyRefused(f"this API key is {state}: ask an administrator of the tenant for a new one")
    if tenant.status != Tenant.Status.ACTIVE:
        raise TenantSuspended(tenant.slug)
    _note_use(key, address)
    return Access(Program(key), tenant, key.role, frozenset(key.resources or RESOURCES))


def _unknown() -> KeyRefused:
    return KeyRefused("this is no API key of ours: look whether it was copied as a whole")


def _note_use(key: ApiKey, address: str) -> None:
    now = time.monotonic()
    if now - _last_written.get(key.pk, -USE_WRITTEN_EVERY) < USE_WRITTEN_EVERY:
        return
    _last_written[key.pk] = now
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=datetime.now(UTC), last_used_from=address[:45])
