"""One-time passwords as a second factor (RFC 6238): setting one up, asking for it, recovery codes.

The secret has to be read again at each log-in, so it is encrypted rather than hashed, with a key made of SECRET_KEY:
a copy of the database alone is not enough. A new SECRET_KEY ends all second factors.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from datetime import UTC, datetime

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from rest_framework.exceptions import Throttled

from csms.errors import Conflict, CsmsError
from tenants.clients import sync_client
from tenants.models import SecondFactor, User
from tenants.rate_limit import RateLimit

STEP_SECONDS = 30
DIGITS = 6
SECRET_BYTES = 20
RECOVERY_CODES = 10
# A password that is a step early or late is taken: the clock of a phone is not that of a server.
DRIFT_STEPS = (0, -1, 1)
# Whoever gets to this point knows the password, so this limit is per user, whatever the address.
FAILURES = 10
FAILURE_WINDOW = 15 * 60


class SecondFactorNeeded(CsmsError):
    """The password is right, and the account wants a one-time password beside it."""

    code = "otp_required"
    http_status = 401

    def __init__(self) -> None:
        super().__init__('this account has a second factor: add "otp" with the one-time password of your app')


class WrongSecondFactor(CsmsError):
    """The one-time password is wrong, too old, or was used before."""

    code = "wrong_otp"
    http_status = 401

    def __init__(self) -> None:
        super().__init__("the one-time password is wrong or was used before: wait for the next one of your app")


def begin(user: User) -> str:
    """Give a user a new secret, to be confirmed, and return it in base32, as apps take it.

    Raises:
        csms.errors.Conflict: there is a confirmed one already, which must be removed first.
    """
    if has_second_factor(user):
        raise Conflict("there is a second factor already: remove it first", code="second_factor_exists")
    secret = secrets.token_bytes(SECRET_BYTES)
    fresh = {
        "secret": _cipher().encrypt(secret).decode(),
        "last_step": 0,
        "recovery_hashes": [],
        "created_at": datetime.now(UTC),
    }
    SecondFactor.objects.update_or_create(user=user, confirmed_at=None, defaults=fresh)
    return base64.b32encode(secret).decode()


def pending_secret(user: User) -> str | None:
    """Return the secret that waits for its confirmation, in base32, or None."""
    factor = SecondFactor.objects.filter(user=user, confirmed_at=None).first()
    if factor is None:
        return None
    try:
        return base64.b32encode(_cipher().decrypt(factor.secret.encode())).decode()
    except InvalidToken:
        return None


def provisioning_uri(user: User, secret: str) -> str:
    """Return the `otpauth://` address of a secret, which apps read as a QR code."""
    return _totp(base64.b32decode(secret)).get_provisioning_uri(user.get_username(), "CSMS")


def confirm(user: User, otp: str) -> list[str]:
    """Switch the new second factor on and return its recovery codes, which are shown only now.

    Raises:
        WrongSecondFactor: the password is not that of the new secret.
        rest_framework.exceptions.Throttled: too many were wrong lately.
    """
    factor = SecondFactor.objects.filter(user=user, confirmed_at=None).first()
    if factor is None:
        raise WrongSecondFactor
    _check_code(factor, otp)
    codes = [f"{secrets.token_hex(3)}-{secrets.token_hex(3)}" for _ in range(RECOVERY_CODES)]
    hashes = [_recovery_hash(user, code) for code in codes]
    SecondFactor.objects.filter(pk=factor.pk).update(confirmed_at=datetime.now(UTC), recovery_hashes=hashes)
    return codes


def has_second_factor(user: User) -> bool:
    """Return whether a user is asked for one."""
    return bool(SecondFactor.objects.filter(user=user).exclude(confirmed_at=None).exists())


def check_second_factor(user: User, otp: str) -> None:
    """Return if the user needs no second factor, or this is a password of theirs, which is thereby used up.

    Raises:
        SecondFactorNeeded: there is a second factor, and `otp` is empty.
        WrongSecondFactor: neither a current one-time password nor an unused recovery code.
        rest_framework.exceptions.Throttled: too many were wrong lately.
    """
    factor = SecondFactor.objects.filter(user=user).exclude(confirmed_at=None).first()
    if factor is None:
        return
    if not otp.strip():
        raise SecondFactorNeeded
    _check_code(factor, otp)


def remove(user: User) -> bool:
    """Take a user's second factor away, and return whether there was one."""
    deleted, _ = SecondFactor.objects.filter(user=user).delete()
    return bool(deleted)


def _check_code(factor: SecondFactor, otp: str) -> None:
    limit = RateLimit(f"otp:{factor.user_id}", FAILURES, window=FAILURE_WINDOW, must_hold=True)
    verdict = limit.take()
    if not verdict.allowed:
        raise Throttled(verdict.retry_after, detail="too many wrong one-time passwords: wait, then try again")
    code = otp.replace(" ", "").strip()
    if not (_use_password(factor, code) or _use_recovery_code(factor, code)):
        raise WrongSecondFactor
    limit.give_back()


def _use_password(factor: SecondFactor, code: str) -> bool:
    if not (len(code) == DIGITS and code.isascii() and code.isdigit()):
        return False
    try:
        totp = _totp(_cipher().decrypt(factor.secret.encode()))
    except InvalidToken:  # SECRET_KEY has changed: recovery codes have ended with it, too
        return False
    now = int(time.time())
    for drift in DRIFT_STEPS:
        step = now // STEP_SECONDS + drift
        if hmac.compare_digest(totp.generate(step * STEP_SECONDS).decode(), code):
            # One update decides: each password is good once, also when it comes twice at the same time.
            return bool(SecondFactor.objects.filter(pk=factor.pk, last_step__lt=step).update(last_step=step))
    return False


def _use_recovery_code(factor: SecondFactor, code: str) -> bool:
    digest = _recovery_hash(factor.user, code.lower())
    factors = sync_client()[settings.MONGODB_GLOBAL_DATABASE][SecondFactor._meta.db_table]
    used = factors.update_one({"_id": factor.pk, "recovery_hashes": digest}, {"$pull": {"recovery_hashes": digest}})
    return used.modified_count == 1


def _recovery_hash(user: User, code: str) -> str:
    text = f"recovery:{user.pk}:{code}"
    return hmac.new(settings.SECRET_KEY.encode(), text.encode(), "sha256").hexdigest()


def _totp(secret: bytes) -> TOTP:
    # SHA-1 is what all authenticator apps know; in HMAC it is not broken.
    return TOTP(secret, DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303


def _cipher() -> Fernet:
    key = hashlib.sha256(f"second-factor:{settings.SECRET_KEY}".encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
