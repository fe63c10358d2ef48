"""Keys stations log in with: made here, shown once, stored as a salted hash.

A key has at least 128 random bits, so a fast salted hash is enough (a slow one would cost a reconnect storm
its life: 244 ms each for Django's default). Stations present the same key in two forms, the hex text they were
given or the bytes it stands for (OCPP 1.6 security white paper, A00.FR.205): both are accepted.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

KEY_BYTES = 20
# 1.6 security white paper: 16 to 20 bytes, so 32 to 40 hex digits; text keys of 2.x may be longer.
MIN_KEY_LENGTH = 16
MAX_KEY_LENGTH = 64
_SCHEME = "sha256"
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2}){8,20}")


def new_key() -> str:
    """Return a new random key of 160 bits as 40 hex digits."""
    return secrets.token_hex(KEY_BYTES)


def _canonical(key: bytes) -> bytes:
    """Return the bytes a key stands for: hex text is decoded, anything else is taken as it is."""
    return bytes.fromhex(key.decode("ascii")) if _HEX.fullmatch(key) else key


def _digest(salt: str, key: bytes) -> str:
    return hashlib.sha256(salt.encode("ascii") + key).hexdigest()


def hash_key(key: str | bytes) -> str:
    """Return what is stored in place of a key."""
    raw = key.encode("utf-8") if isinstance(key, str) else key
    salt = secrets.token_hex(8)
    return f"{_SCHEME}${salt}${_digest(salt, _canonical(raw))}"


def key_matches(stored: str, presented: bytes) -> bool:
    """Return whether a presented key, as text or as raw bytes, is the one that was stored."""
    scheme, _, rest = stored.partition("$")
    salt, _, expected = rest.partition("$")
    if scheme != _SCHEME or not expected:
        return False
    # Raw bytes may look like hex text by chance, so the literal form is tried as well.
    canonical = hmac.compare_digest(_digest(salt, _canonical(presented)), expected)
    literal = hmac.compare_digest(_digest(salt, presented), expected)
    return canonical or literal


def strong_enough(key: bytes) -> bool:
    """Return whether a key somebody else chose may be used: 16 to 64 bytes and not one byte repeated."""
    return MIN_KEY_LENGTH <= len(key) <= MAX_KEY_LENGTH and len(set(key)) >= 8
