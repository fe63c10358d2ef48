"""An operator's program: calls the REST API of a running gateway over HTTP, with a token of its own."""

from __future__ import annotations

import asyncio
import http.client
import json
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tenants.access import access_to
from tenants.models import Membership, User
from tenants.tokens import issue_tokens
from tests.people import DEADLINE, Operator, with_orm
from tests.serving import Gateway


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, its JSON, and where it says the object is."""

    status: int
    body: Any
    location: str = ""


class RestCaller:
    """The API as one operator of a tenant sees it."""

    def __init__(self, gateway: Gateway, token: str) -> None:
        self._gateway = gateway
        self._token = token

    async def get(self, path: str) -> Any:
        """Return what is at a path; fails when there is nothing."""
        reply = await self.send("GET", path)
        assert reply.status == 200, reply
        return reply.body

    async def post(self, path: str, body: Any = None, status: int = 202) -> Any:
        """Post and return the answer's JSON; fails when its status is another."""
        reply = await self.send("POST", path, body)
        assert reply.status == status, reply
        return reply.body

    async def patch(self, path: str, body: Any) -> Any:
        """Change what is at a path and return it."""
        reply = await self.send("PATCH", path, body)
        assert reply.status == 200, reply
        return reply.body

    async def send(self, method: str, path: str, body: Any = None) -> Reply:
        """Send any request and return its answer, whatever it is."""
        return await asyncio.to_thread(self._send, method, path, body)

    def _send(self, method: str, path: str, body: Any) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self._gateway.port, timeout=DEADLINE)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, f"/api/v1/{path}", text, headers)
            answer = connection.getresponse()
            content = answer.read()
            return Reply(answer.status, json.loads(content) if content else None, answer.getheader("Location") or "")
        finally:
            connection.close()


def rest_of(operator: Operator, gateway: Gateway, role: str = "operator") -> RestCaller:
    """Return the API as a new member of an operator's tenant sees it."""

    def member() -> str:
        user = User.objects.create_user(f"{role}-{secrets.token_hex(4)}", password=None)
        Membership.objects.create(user=user, tenant_id=operator.slug, role=role)
        return issue_tokens(access_to(user, operator.slug)).access

    return RestCaller(gateway, with_orm(member))


def path_of(collection: str, identity: str) -> str:
    """Return the path of one object."""
    return f"{collection}/{quote(identity, safe='')}"
