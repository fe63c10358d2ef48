"""JSON Web Tokens: what is in them, and what is believed of them.

Claims: `user_id`, `tenant_id` (slug, or null for a superuser outside of tenants), `role`, `credential` (a
fingerprint of the password: a new password ends every token), `iss`, `aud`, `exp`, `iat`, `jti`, `token_type`.
A token only says who asks and where; the role and the membership are read from the database on every request.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from bson import ObjectId
from bson.errors import InvalidId
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from csms.errors import CsmsError
from tenants.access import Access, NoAccess, access_to
from tenants.models import User


class TokenRefused(CsmsError):
    """A token that is malformed, expired, of the wrong kind, or whose user may not log in any more."""

    code = "token_not_valid"
    http_status = 401

    def __init__(self, detail: str = "the token is not valid, or has expired: log in again") -> None:
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a log-in returns."""

    access: str
    refresh: str


def issue_tokens(access: Access) -> TokenPair:
    """Return a fresh pair of tokens for a user in a tenant."""
    refresh = RefreshToken()
    for name, value in _claims(access).items():
        refresh[name] = value
    return TokenPair(access=str(refresh.access_token), refresh=str(refresh))


def _claims(access: Access) -> dict[str, Any]:
    return {
        "user_id": str(access.user.pk),
        "tenant_id": access.slug,
        "role": access.role,
        "credential": _fingerprint(access.user),
    }


def _fingerprint(user: User) -> str:
    return str(user.get_session_auth_hash())[:16]


def read_access_token(raw: str) -> tuple[Token, User]:
    """Return the claims of an access token and its user.

    Raises:
        TokenRefused: it is not one of ours, not an access token, expired, or its user has lost the right to log in.
    """
    return _read(AccessToken, raw)


def read_refresh_token(raw: str) -> tuple[Token, User]:
    """Return the claims of a refresh token and its user; raises as `read_access_token`."""
    return _read(RefreshToken, raw)


def read_any_token(raw: str) -> tuple[Token, User]:
    """Return the claims of an access or a refresh token and its user; raises as `read_access_token`."""
    try:
        return read_access_token(raw)
    except TokenRefused:
        return read_refresh_token(raw)


def moment_of_expiry(token: Token) -> datetime:
    """Return when a token ends."""
    return datetime.fromtimestamp(token["exp"], UTC)


def _read(kind: type[Token], raw: str) -> tuple[Token, User]:
    try:
        # The library's signature asks for a Token; what it takes is the text of one.
        token = kind(cast("Token", raw))
        user_id = ObjectId(token["user_id"])
    except (TokenError, KeyError, InvalidId, TypeError, ValueError):
        raise TokenRefused from None
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None or not hmac.compare_digest(_fingerprint(user), str(token.get("credential", ""))):
        raise TokenRefused
    return token, user


def claimed_access(token: Token, user: User) -> Access:
    """Return the access a token stands for, as it is now: the membership must still exist.

    Raises:
        TokenRefused: the user is no member of the tenant any more.
        tenants.access.TenantSuspended: the tenant is suspended.
    """
    try:
        return access_to(user, token.get("tenant_id"))
    except NoAccess:
        raise TokenRefused("you are no longer a member of this tenant: log in again") from None


def renew(raw: str) -> str:
    """Return a new access token for a refresh token: the same tenant, the role as it is now.

    Raises:
        TokenRefused: see `read_refresh_token` and `claimed_access`.
    """
    token, user = read_refresh_token(raw)
    access = AccessToken()
    for name, value in _claims(claimed_access(token, user)).items():
        access[name] = value
    return str(access)
