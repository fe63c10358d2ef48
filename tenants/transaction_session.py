"""Sessions for transactions, of which none stays open at the server when this process gives up on it.

A transaction that is given up while MongoDB is silent (stalled, cut off) cannot be aborted: nobody answers. When it
speaks again it goes on with what it was sent, and keeps the documents locked until its own limit, 60 s by default: all
that while every write to them fails. So such sessions are killed as soon as somebody listens.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import ConnectionFailure, InvalidOperation, PyMongoError

from csms.lifecycle import background
from tenants.clients import Document

_EVERY_SECONDS = 1.0
# What was under way to the server may arrive after the session was killed for the first time, so it is killed again.
_KILLED_FOR_SECONDS = 5.0
# After that the server has ended the transaction by itself.
_FORGOTTEN_AFTER_SECONDS = 90.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Lost:
    session_id: Any
    given_up_at: float
    killed_at: float | None = None

    def over(self, now: float) -> bool:
        killed_for_good = self.killed_at is not None and now > self.killed_at + _KILLED_FOR_SECONDS
        return killed_for_good or now > self.given_up_at + _FORGOTTEN_AFTER_SECONDS


class Sessions:
    """The sessions of one client's transactions."""

    def __init__(self, client: AsyncMongoClient[Document]) -> None:
        self._client = client
        self._lost: list[_Lost] = []
        self._killing = False

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncClientSession]:
        """Give a session for one transaction; what is left open in it is aborted, or killed if that cannot be done."""
        session = self._client.start_session()
        try:
            yield session
        except (asyncio.CancelledError, ConnectionFailure):
            # Not ended in order: that would ask the silent server, and put the session back among those to be used.
            self._give_up(session)
            raise
        except BaseException:
            await session.end_session()
            raise
        await session.end_session()

    def _give_up(self, session: AsyncClientSession) -> None:
        self._lost.append(_Lost(session.session_id, time.monotonic()))
        if not self._killing:
            self._killing = True
            background(self._kill(), "kill_sessions")

    async def _kill(self) -> None:
        try:
            while self._lost:
                await self._kill_once()
                now = time.monotonic()
                self._lost = [one for one in self._lost if not one.over(now)]
                await asyncio.sleep(_EVERY_SECONDS)
        finally:
            self._killing = False

    async def _kill_once(self) -> None:
        lost = list(self._lost)
        try:
            await self._client.admin.command({"killSessions": [one.session_id for one in lost]})
        except InvalidOperation:
            self._lost.clear()  # the client is closed: the process ends
        except PyMongoError as error:
            log.info("sessions_not_killed", sessions=len(lost), error=str(error))
        else:
            for one in lost:
                one.killed_at = one.killed_at or time.monotonic()
