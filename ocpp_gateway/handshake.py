"""From a WebSocket request to a station of a tenant, or to the HTTP refusal it deserves, before any upgrade."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from asgiref.sync import sync_to_async
from django.core.exceptions import ValidationError
from django.db import DatabaseError
from pymongo.errors import PyMongoError

from chargepoints.certificate_requests import was_given_to_another
from chargepoints.connection import find_credentials
from chargepoints.credentials import key_matches, strong_enough
from chargepoints.key_rotation import accepts_next_key
from chargepoints.models import IDENTITY_PATTERN
from chargepoints.provisioning import create_charge_point
from chargepoints.security_events import Noticed
from chargepoints.security_profiles import due_profile
from csms.errors import Conflict, CsmsError
from ocpp_gateway.entitlement import Entitlement
from ocpp_gateway.protocol.versions import OcppVersion, choose_version
from ocpp_gateway.security_profile import WITH_CERTIFICATE, WITH_TLS, Proof, by_certificate, shortcoming
from tenants.clients import Document
from tenants.context import tenant_scope
from tenants.directory import TenantRecord, find_tenant
from tenants.routing import SLUG_PATTERN

DEFAULT_TENANT = "default"
_IDENTITY = re.compile(IDENTITY_PATTERN)
_SLUG = re.compile(SLUG_PATTERN)
_REALM = b'Basic realm="OCPP", charset="UTF-8"'
_STORAGE_RETRY_SECONDS = b"10"

Headers = list[tuple[bytes, bytes]]


class Refusal(Exception):
    """The upgrade is refused with an HTTP status; the text tells the person who looks at the station's log why."""

    # What an operator should know of it.
    noticed: Noticed | None = None

    def __init__(self, status: int, text: str, headers: Headers | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers or []


class ProfileTooLow(Refusal):
    """A station has proven who it is, but not in the way that is demanded of it."""

    noticed = Noticed.PROFILE_TOO_LOW


class CertificateRefused(Refusal):
    """A station has shown a certificate that does not count, and no key that does."""

    noticed = Noticed.CERTIFICATE_REFUSED


@dataclass(frozen=True, slots=True)
class Admission:
    """A station that may connect."""

    tenant: TenantRecord
    identity: str
    version: OcppVersion
    entitlement: Entitlement
    known_addresses: tuple[str, ...] = ()
    # The profile it is now to keep to: see ocpp_gateway.security_profile.
    raised_to: int = 0


async def admit(scope: dict[str, Any]) -> Admission:
    """Return who is asking, authenticated.

    Raises:
        Refusal: 400 without a common subprotocol, 401 for wrong credentials, 403 for a suspended tenant or a
            security profile that is too low, 404 for an unknown URL, tenant or station, 503 while the database cannot
            be asked.
    """
    slug, identity = read_path(scope["raw_path"])
    version = choose_version(scope["subprotocols"])
    if version is None:
        known = ", ".join(v.value for v in OcppVersion)
        raise Refusal(400, f"no common subprotocol: this server speaks {known}")
    try:
        tenant = await find_tenant(slug)
        if tenant is None:
            raise Refusal(404, "unknown tenant or station")
        stored, proof = await _authenticate(scope, tenant, identity)
    except (PyMongoError, DatabaseError):
        raise Refusal(503, "storage is unavailable", [(b"retry-after", _STORAGE_RETRY_SECONDS)]) from None
    _require_active(tenant)
    addresses = tuple(stored.get("known_addresses") or ())
    entitlement = Entitlement.of(proof, stored)
    return Admission(tenant, identity, version, entitlement, addresses, due_profile(stored, proof.profile))


def _require_active(tenant: TenantRecord) -> None:
    if not tenant.active:
        raise Refusal(403, "this tenant is suspended")


def read_path(raw_path: bytes) -> tuple[str, str]:
    """Return tenant and identity of `/ocpp/<tenant>/<identity>` or `/ocpp/<identity>`.

    In the short form the part of the identity before the first `_` names the tenant; without a `_` it is the
    tenant `default`. In both forms the identity is the whole last segment.

    Raises:
        Refusal: 404, the path has another shape or names what can be no tenant or station.
    """
    segments = raw_path.partition(b"?")[0].split(b"/")
    if len(segments) not in (3, 4) or segments[:2] != [b"", b"ocpp"]:
        raise Refusal(404, "connect to /ocpp/<tenant>/<identity> or /ocpp/<identity>")
    try:
        names = [unquote_to_bytes(segment).decode("utf-8") for segment in segments[2:]]
    except UnicodeDecodeError:
        raise Refusal(404, "unknown tenant or station") from None
    identity = names[-1]
    prefix, underscore, _ = identity.partition("_")
    slug = names[0] if len(names) == 2 else prefix if underscore else DEFAULT_TENANT
    if not _SLUG.fullmatch(slug) or not _IDENTITY.fullmatch(identity):
        raise Refusal(404, "unknown tenant or station")
    return slug, identity


def _basic_credentials(headers: Headers) -> bytes | None:
    values = [value for name, value in headers if name == b"authorization"]
    if len(values) != 1:
        return None
    scheme, _, encoded = values[0].strip().partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        return base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        return None


def _unauthorized(wrong_certificate: str = "") -> Refusal:
    headers = [(b"www-authenticate", _REALM)]
    if wrong_certificate:
        return CertificateRefused(401, f"wrong user name or key; {wrong_certificate}", headers)
    return Refusal(401, "wrong user name or key", headers)


async def _authenticate(scope: dict[str, Any], tenant: TenantRecord, identity: str) -> tuple[Document, Proof]:
    """Check certificate or key, and return what is stored of the station.

    The user name is the identity in the URL (OCPP-J 1.6 §6.2, security white paper A00).
    """
    credentials = _basic_credentials(scope["headers"])
    stored = await find_credentials(tenant, identity)
    if stored is None:
        if not tenant.auto_register:
            raise Refusal(404, "unknown tenant or station")
        _require_active(tenant)
        return await _take_in(scope, tenant, identity, credentials)
    proof = await _certified(scope, tenant, identity, stored)
    if proof.profile < WITH_CERTIFICATE and not await _has_key(tenant, identity, stored, credentials):
        raise _unauthorized(proof.wrong)
    too_low = shortcoming(proof, tenant, stored)
    if too_low:
        raise ProfileTooLow(403, too_low)
    return stored, proof


async def _certified(scope: dict[str, Any], tenant: TenantRecord, identity: str, stored: Document) -> Proof:
    """Return what the TLS under a connection proves; nothing of who it is with another station's certificate."""
    proof = by_certificate(scope, tenant, identity, stored)
    if proof.certificate is not None and await was_given_to_another(tenant, identity, proof.certificate.pem):
        return Proof(WITH_TLS, wrong="the certificate was given to another station")
    return proof


async def _has_key(tenant: TenantRecord, identity: str, stored: Document, credentials: bytes | None) -> bool:
    key = _key_of(identity, credentials)
    if key is None:
        return False
    return key_matches(stored["credential_hash"], key) or await accepts_next_key(tenant, identity, stored, key)


def _key_of(identity: str, credentials: bytes | None) -> bytes | None:
    # The identity may itself contain a colon, so what precedes the key is known rather than searched for.
    user = identity.encode("ascii") + b":"
    return credentials[len(user) :] if credentials is not None and credentials.startswith(user) else None


async def _take_in(
    scope: dict[str, Any], tenant: TenantRecord, identity: str, credentials: bytes | None
) -> tuple[Document, Proof]:
    """Take in a station nobody created: with its certificate, or with the key it presents first as its key."""
    proof = await _certified(scope, tenant, identity, {})
    key = None if proof.profile == WITH_CERTIFICATE else _key_of(identity, credentials)
    if proof.profile < WITH_CERTIFICATE and (key is None or not strong_enough(key)):
        raise _unauthorized(proof.wrong)
    too_low = shortcoming(proof, tenant, {})
    if too_low:
        raise Refusal(403, too_low)
    await _register(tenant, identity, key)
    stored = await find_credentials(tenant, identity)
    if stored is None or (key is not None and not key_matches(stored["credential_hash"], key)):
        raise _unauthorized()
    return stored, proof


async def _register(tenant: TenantRecord, identity: str, key: bytes | None) -> None:
    try:
        await sync_to_async(_create, thread_sensitive=False)(tenant, identity, key)
    except Conflict:
        return  # another handshake of the same station was faster: its key counts, and a certificate for both
    except (CsmsError, ValidationError) as error:
        raise Refusal(403, f"not registered: {error}") from None


def _create(tenant: TenantRecord, identity: str, key: bytes | None) -> None:
    # Who came with a certificate has no key to fall back to.
    profile = {"security_profile": WITH_CERTIFICATE} if key is None else {}
    with tenant_scope(tenant.slug):
        create_charge_point(identity, key=key, registration=tenant.auto_register_as, **profile)
