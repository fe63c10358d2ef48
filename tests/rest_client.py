"""The API of a running gateway, as a member of a tenant uses it from outside."""

from __future__ import annotations

import asyncio
import secrets
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from tenants.access import access_to
from tenants.models import Membership, Role, User
from tenants.tokens import issue_tokens
from tests.people import Operator, with_orm

DEADLINE = 30.0


def token_for(operator: Operator, role: Role = Role.ADMIN) -> str:
    """Return the access token of a new member of the operator's tenant."""

    def create() -> str:
        user = User.objects.create_user(f"{role.value}-{secrets.token_hex(4)}@{operator.slug}")
        Membership.objects.create(user=user, tenant_id=operator.slug, role=role)
        return issue_tokens(access_to(user, operator.slug)).access

    return with_orm(create)


class Rest:
    """`await rest.post("chargepoints/x/commands", {...}, wait=5)`; an answer of another status than expected fails."""

    def __init__(self, base: str, token: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=f"{base}/api/v1/", headers={"Authorization": f"Bearer {token}"}, timeout=DEADLINE
        )

    async def get(self, path: str, *, status: int = 200, **query: Any) -> Any:
        return await self._send("GET", path, None, status, query)

    async def post(self, path: str, body: Any = None, *, status: int = 0, **query: Any) -> Any:
        return await self._send("POST", path, body, (status,) if status else (200, 201, 202), query)

    async def patch(self, path: str, body: Any, *, status: int = 200) -> Any:
        return await self._send("PATCH", path, body, status, {})

    async def delete(self, path: str, *, status: int = 204) -> Any:
        return await self._send("DELETE", path, None, status, {})

    async def _send(self, method: str, path: str, body: Any, status: int | tuple[int, ...], query: Any) -> Any:
        answer = await self._client.request(method, path, json=body, params=query)
        expected = (status,) if isinstance(status, int) else status
        assert answer.status_code in expected, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def asking(self, station: str, verb: str, body: Any = None, *, wait: float = 10) -> asyncio.Task[Any]:
        """Send a command and return the task that waits for its end, so that the station can answer meanwhile."""
        return asyncio.create_task(self.post(f"chargepoints/{quote(station, safe='')}/{verb}", body or {}, wait=wait))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()
