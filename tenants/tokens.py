"""JSON Web Tokens: what is in them, and what is believed of them.

Claims: `user_id`, `tenant_id` (slug, or null for a superuser outside of tenants), `role`, `credential` (a
fingerprint of the password: a new password ends every token), `log_in`, `iss`, `aud`, `exp`, `iat`, `jti`,
`token_type`. A token only says who asks and where: that its log-in has not ended, the role and the membership are
read from the database on every request.
"""

from __future__ import annotations

import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import structlog
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.utils import datetime_from_epoch

from csms.errors import CsmsError
from tenants.access import Access, NoAccess
from tenants.audit.log_ins import record_own_deed
from tenants.models import LogIn, User
from tenants.signed_tokens import AccessToken, LogInToken, RefreshToken
from tenants.standing import Standing, standing_of_log_in

_Kind = TypeVar("_Kind", bound=LogInToken)

log = structlog.get_logger(__name__)


class TokenRefused(CsmsError):
    """A token that is malformed, expired, of the wrong kind, or whose user may not log in any more."""

    code = "token_not_valid"
    http_status = 401

    def __init__(self, detail: str = "the token is not valid, or has expired: log in again") -> None:
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a log-in returns."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)


def issue_tokens(access: Access) -> TokenPair:
    """Begin a log-in of a user in a tenant and return its first tokens."""
    assert isinstance(access.user, User)
    refresh = RefreshToken.for_user(access.user)
    log_in = LogIn.objects.create(
        id=secrets.token_hex(16),
        user=access.user,
        refresh_id=refresh["jti"],
        created_at=refresh.current_time,
        expires_at=moment_of_expiry(refresh),
    )
    refresh["log_in"] = log_in.pk
    refresh["tenant_id"] = access.slug
    refresh["credential"] = _fingerprint(access.user)
    return _pair(refresh, access)


def _pair(refresh: RefreshToken, access: Access) -> TokenPair:
    refresh["role"] = access.role
    return TokenPair(access=str(refresh.access_token), refresh=str(refresh))


def _fingerprint(user: User) -> str:
    return str(user.get_session_auth_hash())[:16]


def access_with_token(raw: str) -> Access:
    """Return the access an access token stands for, as it is now.

    Raises:
        TokenRefused: it is not one of ours, not an access token, expired, its log-in has ended, or its user has lost
            the right to log in or is no member of the tenant any more.
        tenants.access.TenantSuspended: the tenant is suspended.
    """
    return _access(_standing(_checked(raw, AccessToken)))


def read_any_token(raw: str) -> tuple[LogInToken, Access]:
    """Return an access or a refresh token with its access; raises as `access_with_token`."""
    token, standing = _read_any(raw)
    return token, _access(standing)


def moment_of_expiry(token: LogInToken) -> datetime:
    """Return when a token ends."""
    return datetime_from_epoch(token["exp"])


def _read_any(raw: str) -> tuple[LogInToken, Standing]:
    token = _checked(raw, AccessToken, RefreshToken)
    standing = _standing(token)
    if isinstance(token, RefreshToken) and standing.refresh_id != token["jti"]:
        raise TokenRefused
    return token, standing


def _checked(raw: Any, *kinds: type[_Kind]) -> _Kind:
    """Return a token that we have signed, for this API, of one of these kinds."""
    for kind in kinds:
        # Beside its own error the library raises these: for an `exp` that is no moment, and for a text that is none.
        with suppress(TokenError, TypeError, ValueError, OverflowError):
            return kind(raw)
    raise TokenRefused


def _standing(token: LogInToken) -> Standing:
    """Return what stands behind a token now; its user must be the one it was made for, with the same password."""
    slug = token.get("tenant_id")
    if slug is not None and not isinstance(slug, str):
        raise TokenRefused
    standing = standing_of_log_in(token["log_in"], slug)
    if standing is None or not standing.user.is_active or str(standing.user.pk) != token.get("user_id"):
        raise TokenRefused
    if not hmac.compare_digest(_fingerprint(standing.user), str(token.get("credential", ""))):
        raise TokenRefused
    return standing


def _access(standing: Standing) -> Access:
    try:
        return standing.access()
    except NoAccess:
        raise TokenRefused("you are no longer a member of this tenant: log in again") from None


def renew(raw: str) -> TokenPair:
    """Return new tokens for a refresh token, which is thereby used up: the same tenant, the role as it is now.

    A refresh token that comes a second time was stolen, or its owner's was: the whole log-in ends.

    Raises:
        TokenRefused: it is not good, or was used before.
        tenants.access.TenantSuspended: the tenant is suspended; the token stays good for later.
    """
    refresh = _checked(raw, RefreshToken)
    standing = _standing(refresh)
    access = _access(standing)
    known = LogIn.objects.filter(pk=refresh["log_in"], ended="")
    used = refresh["jti"]
    refresh.set_jti()
    refresh.set_iat()
    # One update decides who was first, over all instances.
    if not known.filter(refresh_id=used).update(refresh_id=refresh["jti"]):
        if known.update(ended=LogIn.End.REUSE.value):
            log.warning("refresh_token_used_twice", user=str(standing.user.pk), log_in=refresh["log_in"])
            record_own_deed(standing.user, "refresh_token_used_twice")
        raise TokenRefused("this refresh token was used before, so its log-in has been ended: log in again")
    return _pair(refresh, access)


def end_log_in(raw: str, *, everywhere: bool = False) -> User:
    """End the log-in of a token of either kind, or all log-ins of its user, and return the user.

    Raises:
        TokenRefused: the token is not good any more.
    """
    token, standing = _read_any(raw)
    user = standing.user
    open_ones = user.log_ins.filter(ended="")
    (open_ones if everywhere else open_ones.filter(pk=token["log_in"])).update(ended=LogIn.End.LOG_OUT.value)
    return user
