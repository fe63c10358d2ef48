"""Access and refresh tokens of a log-in: the library's, signed and checked with the keys of `csms.signing_keys`."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jwt
from django.conf import settings
from rest_framework_simplejwt import tokens
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenError
from rest_framework_simplejwt.settings import api_settings

from csms.signing_keys import SigningKeys

_EXPECTED = {"audience": api_settings.AUDIENCE, "issuer": api_settings.ISSUER, "leeway": api_settings.LEEWAY}


class KeyRing(TokenBackend):
    """Signs with one key and names it as `kid`; checks with the key that a token names, by that key's one algorithm."""

    def __init__(self, keys: SigningKeys) -> None:
        super().__init__(keys.algorithm, keys.material, **_EXPECTED)
        self.kid = keys.kid
        self.checking = {
            kid: TokenBackend(key.algorithm, key.material, key.material, **_EXPECTED)
            for kid, key in keys.checking.items()
        }

    def encode(self, payload: dict[str, Any]) -> str:
        """Return the signed token. The library's own `encode` writes no header of ours."""
        claims = {**payload, "iss": self.issuer, "aud": self.audience}
        return jwt.encode(claims, self.prepared_signing_key, self.algorithm, {"kid": self.kid})

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        """Return the claims of a token; raises TokenBackendError, also where it names no key of ours."""
        try:
            checking = self.checking[jwt.get_unverified_header(token)["kid"]]
        except (jwt.InvalidTokenError, KeyError):
            raise TokenBackendError("it names no key of ours") from None
        return checking.decode(token, verify)


_ring = lru_cache(maxsize=1)(KeyRing)


class LogInToken(tokens.Token):
    """What both kinds share: our keys, and claims that the library leaves open."""

    def get_token_backend(self) -> TokenBackend:
        """Return the keys that count now."""
        return _ring(settings.JWT_KEYS)

    def verify(self) -> None:
        """Check what the signature does not tell; raises TokenError."""
        super().verify()
        if "iat" not in self or not isinstance(self.get("log_in"), str):
            raise TokenError("it belongs to no log-in")


class AccessToken(LogInToken, tokens.AccessToken):
    """Opens the API for minutes."""


class RefreshToken(LogInToken, tokens.RefreshToken):
    """Buys the next pair, once; `access_token` has the same claims."""

    access_token_class = AccessToken
