"""HTTP answers of ASGI applications that stand in front of Django's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


async def answer(send: Send, status: int, body: bytes, kind: str, *, head: bool = False, **headers: str) -> None:
    """Send a whole answer that nobody keeps; `head` leaves its body out, `headers` are named with `_` for `-`."""
    lines = {
        "content-type": kind,
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    encoded = [(name.encode(), value.encode()) for name, value in lines.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": b"" if head else body})
