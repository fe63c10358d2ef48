"""Secrets that tests have used, and the search for them in what the product has written.

Tests register what they make (`keep_secret`); tokens, API keys and credentials are recognised by their form as well.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass

# Words of the alphabets that keys and tokens are made of. `.` divides the parts of a JWT, `:` user and password.
_WORD = re.compile(rb"[A-Za-z0-9+/_-]{16,}")
_FORMS = {
    "a JWT": re.compile(rb"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}"),
    "an API key": re.compile(rb"csms_[0-9a-f]{16}_[0-9a-f]{64}"),
    "HTTP Basic credentials": re.compile(rb"Basic [A-Za-z0-9+/]{16,}={0,2}"),
    "a private key": re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
    "a password in a URL": re.compile(rb"(?:mongodb(?:\+srv)?|rediss?|ftps?|https?)://[^\s/:@\"'*]+:[^\s/@\"'*]+@"),
    "a link for uploads": re.compile(rb"/uploads/[\w-]{40,}\.[\w-]{20,}"),
}
# Keys of stations, secrets of API keys and of second factors, as answers and pages show them.
SHOWN_SECRET = re.compile(rb"(?<![0-9A-Za-z])(?:[0-9a-f]{40}|[0-9a-f]{64}|[A-Z2-7]{32})(?![0-9A-Za-z])")
_SHORTEST = 16
_secrets: set[bytes] = set()


@dataclass(frozen=True, slots=True)
class Leak:
    """A secret that was found, and where; shown without the secret itself."""

    what: str
    where: str
    around: str


def keep_secret(secret: str, user: str = "") -> None:
    """Have the end of the run look for a secret, also as hex and as `user:secret` in base64. Short ones, and
    those of a few characters again and again, are not looked for: they are found everywhere.
    """
    if len(secret) < _SHORTEST or len(set(secret)) < _SHORTEST // 2:
        return
    _secrets.update((secret.encode(), secret.upper().encode(), secret.encode().hex().encode()))
    if user:
        _secrets.add(base64.b64encode(f"{user}:{secret}".encode()).rstrip(b"="))


def leaks_in(data: bytes, where: str) -> Iterator[Leak]:
    """Yield what of the kept secrets, and what that looks like one, stands in some data."""
    for word in _WORD.finditer(data):
        # A path is one word: `/` is of the alphabet of base64.
        if word[0] in _secrets or (b"/" in word[0] and not _secrets.isdisjoint(word[0].split(b"/"))):
            yield Leak("a secret of a test", where, _around(data, word))
    for what, form in _FORMS.items():
        for found in form.finditer(data):
            yield Leak(what, where, _around(data, found))


def _around(data: bytes, found: re.Match[bytes]) -> str:
    before = data[max(0, found.start() - 120) : found.start()]
    after = data[found.end() : found.end() + 60]
    return f"{before.decode(errors='replace')}[{len(found[0])} bytes]{after.decode(errors='replace')}"
