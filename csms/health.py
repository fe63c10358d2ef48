"""`/healthz` and `/readyz`, for whatever watches over the process: without a token, a host name, a thread or Django.

An ASGI application in front of Django's: what watches must not take a busy process for a dead one, nor one whose
pages cannot be imported.
"""

from __future__ import annotations

import asyncio
import json

from pymongo.errors import PyMongoError

from csms.plain_answer import Application, Message, Receive, Send, answer
from tenants.clients import async_client

READY_SECONDS = 2
_ALIVE: Message = {"status": "ok"}
_NOT_ALLOWED: Message = {
    "type": "about:blank",
    "title": "Method Not Allowed",
    "status": 405,
    "detail": "use GET or HEAD",
    "code": "method_not_allowed",
}


class HealthChecks:
    """ASGI application around another one: answers `/healthz` and `/readyz` itself."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._checks = {"/healthz": _alive, "/readyz": _ready}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        check = self._checks.get(scope["path"]) if scope["type"] == "http" else None
        if check is None:
            await self._application(scope, receive, send)
        elif scope["method"] in {"GET", "HEAD"}:
            await _answer(send, await check(), head=scope["method"] == "HEAD")
        else:
            await _answer(send, _NOT_ALLOWED)


async def _alive() -> Message:
    """Return that the process serves requests, whatever it depends on."""
    return _ALIVE


async def _ready() -> Message:
    """Return whether MongoDB answers within two seconds. Redis and MQTT are not asked: without them stations are still
    served.
    """
    try:
        async with asyncio.timeout(READY_SECONDS):
            await async_client().admin.command("ping")
    except (PyMongoError, TimeoutError):
        return {
            "type": "about:blank",
            "title": "Service Unavailable",
            "status": 503,
            "detail": f"MongoDB does not answer within {READY_SECONDS} s",
            "code": "not_ready",
            "down": ["mongodb"],
        }
    return {"status": "ok", "mongodb": "ok"}


async def _answer(send: Send, document: Message, *, head: bool = False) -> None:
    status = document["status"]
    code, kind = (200, "application/json") if status == "ok" else (status, "application/problem+json")
    headers = {503: {"retry_after": "5"}, 405: {"allow": "GET, HEAD"}}.get(code, {})
    await answer(send, code, json.dumps(document).encode(), kind, head=head, **headers)
