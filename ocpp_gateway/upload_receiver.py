"""`PUT` or `POST` `/uploads/<link>[/<file name>]`: where stations bring their diagnostics and logs.

An ASGI application in front of Django's, which would keep the whole file on its disk first. Who has the link may
upload, once: stations cannot log in here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from django.conf import settings
from pymongo.errors import PyMongoError

from chargepoints.log_files import AlreadyUploaded, TooLarge, claim_upload, settle_upload, store_file
from chargepoints.upload_links import PREFIX, BadLink, UploadLink, read_link
from tenants.directory import TenantRecord, find_tenant

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

_NAME_LENGTH = 255
# What logs and archives are sent as; none at all is common. The last is what curl says of `--data-binary`. What is
# stored is only ever served as octets to be saved, whatever a station has said.
_KINDS = frozenset(
    {f"application/{kind}" for kind in ("octet-stream", "json", "gzip", "x-gzip", "zip", "x-zip-compressed", "x-tar",
                                        "x-gtar", "x-compressed-tar", "x-bzip2", "x-xz", "x-7z-compressed", "zstd",
                                        "pcap", "vnd.tcpdump.pcap", "x-www-form-urlencoded")}
    | {"text/plain", "text/csv", "text/x-log", "binary/octet-stream"}
)  # fmt: skip

log = structlog.get_logger(__name__)


class Refused(Exception):
    """The upload is refused with an HTTP status; the text is for whoever reads the station's log."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class LeftHalfway(Exception):
    """The station has closed the connection before the end of its file."""


class ReceiveUploads:
    """ASGI application around another one: takes what is under `/uploads/`."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._application(scope, receive, send)
            return
        try:
            await _take(scope, receive)
        except Refused as refusal:
            await _answer(send, refusal.status, str(refusal))
        except PyMongoError as error:
            log.warning("upload_not_stored", error=str(error))
            await _answer(send, 503, "storage is unavailable: try again later")
        except LeftHalfway:
            return
        else:
            await _answer(send, 201, "stored")


async def _take(scope: Message, receive: Receive) -> None:
    if scope["method"] not in {"PUT", "POST"}:
        raise Refused(405, "upload with PUT or POST")
    link, file_name = _read_path(scope["path"])
    _check_kind(scope["headers"])
    _check_length(scope["headers"])
    tenant = await _tenant_of(link)
    try:
        file_id = await claim_upload(tenant, link, file_name, datetime.now(UTC))
    except AlreadyUploaded:
        raise Refused(409, "this link was used already") from None
    size: int | None = None
    try:
        size = await store_file(tenant, file_id, _pieces(receive), settings.LOG_UPLOAD_MAX_BYTES)
    except TooLarge:
        raise _too_large() from None
    finally:
        await settle_upload(tenant, link, file_id, size=size, now=datetime.now(UTC))
        log.info("upload", tenant=link.tenant, station=link.station, size=size)


def _read_path(path: str) -> tuple[UploadLink, str]:
    token, _, file_name = path.removeprefix(PREFIX).partition("/")
    try:
        link = read_link(token)
    except BadLink:
        raise Refused(404, "there is nothing at this address") from None
    if link.expires_at < datetime.now(UTC):
        raise Refused(410, "the time of this link is over")
    return link, file_name.replace("\0", "")[-_NAME_LENGTH:]


def _check_kind(headers: list[tuple[bytes, bytes]]) -> None:
    """Refuse what is no diagnostics file: pages, scripts, and forms, of which the file would be only a part."""
    kind = dict(headers).get(b"content-type", b"").partition(b";")[0].strip().lower().decode("latin-1")
    if kind and kind not in _KINDS:
        raise Refused(415, "send the file itself as the body, as application/octet-stream")


def _check_length(headers: list[tuple[bytes, bytes]]) -> None:
    length = dict(headers).get(b"content-length", b"0")
    if length.isdigit() and int(length) > settings.LOG_UPLOAD_MAX_BYTES:
        raise _too_large()


def _too_large() -> Refused:
    return Refused(413, f"a file may have {settings.LOG_UPLOAD_MAX_BYTES} bytes")


async def _tenant_of(link: UploadLink) -> TenantRecord:
    tenant = await find_tenant(link.tenant)
    if tenant is None or not tenant.active:
        raise Refused(404, "there is nothing at this address")
    return tenant


async def _pieces(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise LeftHalfway
        if body := message.get("body", b""):
            yield body
        if not message.get("more_body", False):
            return


async def _answer(send: Send, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    if status == 503:
        headers.append((b"retry-after", b"30"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{text}\n".encode()})
