"""Links under which a station may upload one file to us: signed, for a limited time, for one upload.

The link itself says whom it is for, so nothing has to be stored before the station uses it.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

PREFIX = "/uploads/"
_SALT = "chargepoints.upload_links"
_SIGNATURE_BYTES = 20


class BadLink(Exception):
    """This is no link of ours."""


class LinkExpired(Exception):
    """The time of this link is over."""


@dataclass(frozen=True, slots=True)
class UploadLink:
    """What a link allows: one file of one station."""

    tenant: str
    station: str
    upload_id: str
    expires_at: datetime

    @property
    def token(self) -> str:
        """The part of the URL that says all this, signed."""
        fields = (self.tenant, self.station, self.upload_id, str(int(self.expires_at.timestamp())))
        body = "\0".join(fields).encode("utf-8")
        return f"{_text(body)}.{_text(_signature(body))}"

    @property
    def url(self) -> str:
        """The URL for the station; it may add `/` and a file name."""
        return f"{settings.PUBLIC_URL}{PREFIX}{self.token}"


def new_link(tenant: str, station: str, now: datetime) -> UploadLink:
    """Return a link for one upload, valid for LOG_UPLOAD_LIFETIME."""
    expires_at = now + timedelta(seconds=settings.LOG_UPLOAD_LIFETIME)
    return UploadLink(tenant, station, secrets.token_hex(16), expires_at.replace(microsecond=0))


def read_link(token: str) -> UploadLink:
    """Return what a link allows; its time may be over.

    Raises:
        BadLink: it was not made here.
    """
    body_text, _, signature_text = token.partition(".")
    try:
        body, signature = _bytes(body_text), _bytes(signature_text)
    except (ValueError, binascii.Error):
        raise BadLink(token) from None
    if not constant_time_compare(signature, _signature(body)):
        raise BadLink(token)
    tenant, station, upload_id, expires = body.decode("utf-8").split("\0")
    return UploadLink(tenant, station, upload_id, datetime.fromtimestamp(int(expires), UTC))


def upload_of(location: str) -> str:
    """Return the id of the upload that a location stands for; empty for one that is not ours."""
    before, found, token = location.partition(PREFIX)
    if not found or before != settings.PUBLIC_URL:
        return ""
    try:
        return read_link(token.partition("/")[0]).upload_id
    except BadLink:
        return ""


def _signature(body: bytes) -> bytes:
    return salted_hmac(_SALT, body, algorithm="sha256").digest()[:_SIGNATURE_BYTES]


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
