"""Waiting for a command's end without a thread: `?wait=<seconds>` on the requests that give commands.

The view stores the command and answers at once with 202. This step outside of Django holds that answer back until
the command has ended or the time is over, so that hundreds of callers can wait while Django's threads are free.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

from pymongo.errors import PyMongoError

from chargepoints.commands import OPEN, find_command
from ocpp_gateway.command_serializers import command_body
from ocpp_gateway.gateway import gateway
from tenants.directory import find_tenant

# Nobody is kept longer: proxies give up on silent requests.
LONGEST_WAIT_SECONDS = 60.0
# Set by the views on the answer to a new command; never leaves the process.
HEADER = "X-Waits-For"

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


class WaitForAnswer:
    """ASGI application around Django's: answers to `?wait=` when the command has ended."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        posted = scope["type"] == "http" and scope["method"] == "POST"
        seconds = seconds_to_wait(scope["query_string"]) if posted else 0.0
        if not seconds:
            await self._application(scope, receive, send)
            return
        answer = _Answer()
        await self._application(scope, receive, answer.keep)
        slug, _, command_id = answer.take_header().partition("/")
        ended = await _ended(slug, command_id, seconds) if command_id else None
        if ended is not None:
            answer.replace(200, ended)
        for message in answer.messages:
            await send(message)


async def _ended(slug: str, command_id: str, seconds: float) -> bytes | None:
    """Return the body that shows how the command has ended, or None if it has not by then."""
    tenant = await find_tenant(slug)
    if tenant is None:
        return None
    body = await gateway().waiters.wait(tenant, command_id, seconds)
    if body:
        return body
    with suppress(PyMongoError):  # the caller then gets the 202 and asks again
        command = await find_command(tenant, command_id)
        if command is not None and command["state"] not in OPEN:
            return command_body(command)
    return None


def seconds_to_wait(query: bytes) -> float:
    """Return how long the caller wants to wait, 0 for not at all."""
    if b"wait=" not in query:
        return 0.0
    values = parse_qs(query.decode("latin-1")).get("wait", ["0"])
    try:
        return min(max(float(values[-1]), 0.0), LONGEST_WAIT_SECONDS)
    except ValueError:
        return 0.0  # the view has refused it with a 400


class _Answer:
    """Django's answer, held back."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def keep(self, message: Message) -> None:
        self.messages.append(message)

    def take_header(self) -> str:
        """Remove and return the header that names the command, empty if the answer is not about one."""
        name = HEADER.lower().encode()
        for message in self.messages:
            if message["type"] == "http.response.start":
                found = [value for key, value in message["headers"] if key.lower() == name]
                # Removed whoever waits: it is nobody's business outside.
                message["headers"] = [pair for pair in message["headers"] if pair[0].lower() != name]
                return found[0].decode() if found else ""
        return ""

    def replace(self, status: int, body: bytes) -> None:
        """Answer with another status and body, and otherwise the same headers."""
        start = next(message for message in self.messages if message["type"] == "http.response.start")
        headers = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        self.messages = [
            {**start, "status": status, "headers": headers},
            {"type": "http.response.body", "body": body},
        ]
