"""JSON Web Tokens: what is in them, and what is believed of them.

Claims: `user_id`, `tenant_id` (slug, or null for a superuser outside of tenants), `role`, `credential` (a
fingerprint of the password: a new password ends every token), `log_in`, `iss`, `aud`, `exp`, `iat`, `jti`,
`token_type`. A token only says who asks and where: that its log-in has not ended, the role and the membership are
read from the database on every request.
"""

from __future__ import annotations

import hmac
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import structlog
from django.conf import settings

from csms.errors import CsmsError
from tenants.access import Access, NoAccess
from tenants.audit.log_ins import record_own_deed
from tenants.models import LogIn, User
from tenants.standing import Standing, standing_of_log_in

ACCESS, REFRESH = "access", "refresh"
# The clocks of two instances are never quite the same.
LEEWAY_SECONDS = 5
_REQUIRED = ["exp", "iat", "iss", "aud", "jti"]
Claims = dict[str, Any]

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

    access: str
    refresh: str


def issue_tokens(access: Access) -> TokenPair:
    """Begin a log-in of a user in a tenant and return its first tokens."""
    assert isinstance(access.user, User)
    now = datetime.now(UTC)
    log_in = LogIn(
        id=secrets.token_hex(16),
        user=access.user,
        refresh_id=secrets.token_hex(16),
        created_at=now,
        expires_at=now + timedelta(seconds=settings.JWT_REFRESH_LIFETIME),
    )
    log_in.save(force_insert=True)
    return _pair(access, log_in)


def _pair(access: Access, log_in: LogIn) -> TokenPair:
    now = int(time.time())
    end = int(log_in.expires_at.timestamp())
    claims = {
        "user_id": str(access.user.pk),
        "tenant_id": access.slug,
        "role": access.role,
        "credential": _fingerprint(log_in.user),
        "log_in": log_in.pk,
        "iss": settings.JWT_ISSUER,
        "aud": settings.JWT_AUDIENCE,
        "iat": now,
    }
    brief = {"token_type": ACCESS, "jti": secrets.token_hex(16), "exp": now + int(settings.JWT_ACCESS_LIFETIME)}
    lasting = {"token_type": REFRESH, "jti": log_in.refresh_id, "exp": end}
    return TokenPair(access=_signed(claims | brief), refresh=_signed(claims | lasting))


def _signed(claims: Claims) -> str:
    keys = settings.JWT_KEYS
    return jwt.encode(claims, keys.material, algorithm=keys.algorithm, headers={"kid": keys.kid})


def _fingerprint(user: User) -> str:
    return str(user.get_session_auth_hash())[:16]


def access_with_token(raw: str) -> Access:
    """Return the access an access token stands for, as it is now.

    Raises:
        TokenRefused: it is not one of ours, not an access token, expired, its log-in has ended, or its user has lost
            the right to log in or is no member of the tenant any more.
        tenants.access.TenantSuspended: the tenant is suspended.
    """
    return _access(_read(raw, ACCESS)[1])


def read_any_token(raw: str) -> tuple[Claims, Access]:
    """Return the claims of an access or a refresh token and its access; raises as `access_with_token`."""
    claims, standing = _read(raw, ACCESS, REFRESH)
    return claims, _access(standing)


def moment_of_expiry(claims: Claims) -> datetime:
    """Return when a token ends."""
    return datetime.fromtimestamp(claims["exp"], UTC)


def _read(raw: str, *kinds: str) -> tuple[Claims, Standing]:
    claims = _checked(raw, kinds)
    standing = _standing(claims)
    if claims["token_type"] == REFRESH and standing.refresh_id != claims["jti"]:
        raise TokenRefused
    return claims, standing


def _checked(raw: str, kinds: tuple[str, ...]) -> Claims:
    """Return the claims of a token that we have signed, for this API, of one of these kinds."""
    try:
        kid = jwt.get_unverified_header(raw).get("kid")
        key = settings.JWT_KEYS.checking[kid]
        claims: Claims = jwt.decode(
            raw,
            key.material,
            algorithms=[key.algorithm],
            issuer=settings.JWT_ISSUER,
            audience=settings.JWT_AUDIENCE,
            leeway=LEEWAY_SECONDS,
            options={"require": _REQUIRED},
        )
    except (jwt.PyJWTError, KeyError, TypeError, ValueError):
        raise TokenRefused from None
    if claims.get("token_type") not in kinds or not isinstance(claims.get("log_in"), str):
        raise TokenRefused
    return claims


def _standing(claims: Claims) -> Standing:
    """Return what stands behind a token now; its user must be the one it was made for, with the same password."""
    slug = claims.get("tenant_id")
    if slug is not None and not isinstance(slug, str):
        raise TokenRefused
    standing = standing_of_log_in(claims["log_in"], slug)
    if standing is None or not standing.user.is_active or str(standing.user.pk) != claims.get("user_id"):
        raise TokenRefused
    if not hmac.compare_digest(_fingerprint(standing.user), str(claims.get("credential", ""))):
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
    claims = _checked(raw, (REFRESH,))
    standing = _standing(claims)
    access = _access(standing)
    known = LogIn.objects.filter(pk=claims["log_in"], ended="")
    following = secrets.token_hex(16)
    # One update decides who was first, over all instances.
    if not known.filter(refresh_id=claims["jti"]).update(refresh_id=following):
        if known.update(ended=LogIn.End.REUSE.value):
            log.warning("refresh_token_used_twice", user=str(standing.user.pk), log_in=claims["log_in"])
            record_own_deed(standing.user, "refresh_token_used_twice")
        raise TokenRefused("this refresh token was used before, so its log-in has been ended: log in again")
    log_in = LogIn.objects.get(pk=claims["log_in"])
    log_in.refresh_id = following
    return _pair(access, log_in)


def end_log_in(raw: str, *, everywhere: bool = False) -> User:
    """End the log-in of a token of either kind, or all log-ins of its user, and return the user.

    Raises:
        TokenRefused: the token is not good any more.
    """
    claims, standing = _read(raw, ACCESS, REFRESH)
    user = standing.user
    open_ones = user.log_ins.filter(ended="")
    (open_ones if everywhere else open_ones.filter(pk=claims["log_in"])).update(ended=LogIn.End.LOG_OUT.value)
    return user
