"""An authenticator app, as RFC 6238 describes it; written apart from the product, to check it."""

from __future__ import annotations

import base64
import hmac
import struct
import time


def one_time_password(secret: str, steps: int = 0) -> str:
    """Return the password an app shows for a base32 secret, now or so many steps of 30 s later."""
    step = int(time.time()) // 30 + steps
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", step), "sha1").digest()
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 1_000_000:06d}"
