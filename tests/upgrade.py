"""A WebSocket handshake written byte by byte, and the HTTP answer to it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

DEADLINE = 15.0
# The example of RFC 6455 §1.2.
_KEY = "dGhlIHNhbXBsZSBub25jZQ=="


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Status and headers (names in lower case), and the body as far as `Content-Length` says."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


async def upgrade(
    port: int,
    target: str,
    *,
    authorization: str | None = None,
    subprotocols: str | None = "ocpp1.6",
    more: tuple[str, ...] = (),
    source: str | None = None,
) -> HttpAnswer:
    """Ask for an upgrade of `target`, which is sent as it stands, and return the answer; then hang up.

    `source` is the address it comes from: all of 127.0.0.0/8 is this machine.
    """
    lines = [
        f"GET {target} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {_KEY}",
        "Sec-WebSocket-Version: 13",
        *([] if authorization is None else [f"Authorization: {authorization}"]),
        *([] if subprotocols is None else [f"Sec-WebSocket-Protocol: {subprotocols}"]),
        *more,
    ]
    local = (source, 0) if source else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=local)
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        async with asyncio.timeout(DEADLINE):
            return await _answer(reader)
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> HttpAnswer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status_line, *lines = head.rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return HttpAnswer(int(status_line.split()[1]), headers, body.decode())
