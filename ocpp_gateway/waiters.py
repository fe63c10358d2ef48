"""Callers that wait for commands to end."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from pymongo.errors import PyMongoError

from chargepoints.commands import COMMANDS, OPEN
from csms.lifecycle import background
from tenants.directory import TenantRecord, find_tenant

LOOK_SECONDS = 1.0
# Commands that ended before anybody waited for them; beyond that the oldest are forgotten, and found by a look.
REMEMBERED = 1_000


class Waiters:
    """Those who wait for commands to end: a future each, and one look at the database for all of them.

    They are woken by a letter from the instance that had the answer; the look is for letters that are lost.
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], list[asyncio.Future[bytes]]] = {}
        self._ended: dict[tuple[str, str], bytes] = {}
        self._looking = False

    async def wait(self, tenant: TenantRecord, command_id: str, seconds: float) -> bytes:
        """Return when the command has ended or the time is over: with the command as the API shows it, if it is known.

        Empty where it is not: the caller has to look.
        """
        key = (tenant.slug, command_id)
        if key in self._ended:  # a station that answers at once is faster than the request that waits for it
            return self._ended.pop(key)
        woken: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(woken)
        if not self._looking:
            self._looking = True
            background(self._look_around(), "waiters")
        try:
            with suppress(TimeoutError):  # the caller gets the command as it stands then
                async with asyncio.timeout(seconds):
                    return await woken
        finally:
            self._waiting[key].remove(woken)
            if not self._waiting[key]:
                del self._waiting[key]
        return b""

    def wake(self, tenant: str, command_id: str, body: bytes = b"") -> None:
        """Wake those who wait for a command, or will; `body` shows how it has ended."""
        key = (tenant, command_id)
        if key in self._waiting:
            _wake(self._waiting[key], body)
            return
        self._ended[key] = body
        if len(self._ended) > REMEMBERED:
            del self._ended[next(iter(self._ended))]

    def wake_all(self) -> None:
        """Wake everybody, because this process ends: they get their commands as they stand."""
        for waiting in self._waiting.values():
            _wake(waiting)

    async def _look_around(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(LOOK_SECONDS)  # first of all: most letters arrive
                for slug in {slug for slug, _ in self._waiting}:
                    with suppress(PyMongoError):  # the next look is soon
                        await self._look(slug)
        finally:
            self._looking = False

    async def _look(self, slug: str) -> None:
        tenant = await find_tenant(slug)
        if tenant is None:
            return
        ids = [command_id for waiting_slug, command_id in self._waiting if waiting_slug == slug]
        ended = tenant.database[COMMANDS].find({"_id": {"$in": ids}, "state": {"$nin": list(OPEN)}}, projection=["_id"])
        async for command in ended:
            self.wake(slug, command["_id"])


def _wake(waiting: list[asyncio.Future[bytes]], body: bytes = b"") -> None:
    for woken in waiting:
        if not woken.done():
            woken.set_result(body)
