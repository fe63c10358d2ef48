"""Transactions that a killed process has left open.

MongoDB does not end them when their client is gone. It keeps them until they are `transactionLifetimeLimitSeconds` old,
a minute by default, and meanwhile every write to a document they have touched waits or fails: a station that comes
back after a crash could not even be claimed. So every instance looks for them, and ends those of this product whose
connection no longer exists, or in which nothing has happened for longer than a living process ever pauses. A living
one that was merely slow finds its transaction gone, and begins it again.
"""

from __future__ import annotations

import asyncio
import time

import structlog
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from tenants.clients import APP_NAME, Document, async_clients

LOOK_SECONDS = 0.5
# A living process sends the next statement of a transaction within milliseconds; for so long it is left alone.
PAUSE_SECONDS = 0.25
# After this long it is ended although its connection is there: a machine that lost its power closes none.
IDLE_SECONDS = 5.0
# Not authorized; no such command; not on this kind of Atlas cluster.
_NEVER = frozenset({13, 59, 115, 8000})
_AGAIN_SECONDS = 60.0
_BETWEEN_SECONDS = 0.01
_SECOND = 1_000_000  # in microseconds, which is what MongoDB counts in

log = structlog.get_logger(__name__)


async def look_for_ever() -> None:
    """End abandoned transactions, whoever left them, until cancelled."""
    due: dict[int, float] = {}
    while True:
        # One log-in sees its own transactions only, so tenants that log in as themselves are looked at one by one.
        for client in async_clients():
            if due.get(id(client), 0.0) <= time.monotonic():
                due[id(client)] = time.monotonic() + await _look(client)
                await asyncio.sleep(_BETWEEN_SECONDS)
        await asyncio.sleep(LOOK_SECONDS)


async def _look(client: AsyncMongoClient[Document]) -> float:
    """Look once, and return for how many seconds there is no use in looking again."""
    try:
        ended = await end_abandoned_transactions(client)
    except OperationFailure as error:
        if error.code not in _NEVER:
            log.debug("abandoned_transactions_not_looked_for", error=str(error))
            return 0.0
        log.warning(
            "abandoned_transactions_not_looked_for",
            error=str(error),
            action="let the database user run $currentOp and killSessions on its own sessions, see docs/delivery.md",
        )
        return _AGAIN_SECONDS
    except PyMongoError as error:
        log.debug("abandoned_transactions_not_looked_for", error=str(error))  # others tell that MongoDB is away
        return 0.0
    if ended:
        log.warning("abandoned_transactions_ended", count=ended)
    return 0.0


async def end_abandoned_transactions(
    client: AsyncMongoClient[Document], *, pause: float = PAUSE_SECONDS, idle: float = IDLE_SECONDS
) -> int:
    """End this product's transactions that nobody will go on with; return how many there were.

    Looks at the sessions of the client's own database user only, for which it needs no privilege.
    """
    waiting = await _waiting_transactions(client, pause)
    if not waiting:
        return 0
    open_connections = await _open_connections(client, [one["connectionId"] for one in waiting])
    abandoned = [
        {"id": one["lsid"]["id"]}
        for one in waiting
        if one["connectionId"] not in open_connections or one["transaction"]["timeInactiveMicros"] > idle * _SECOND
    ]
    if abandoned:
        await client.admin.command("killSessions", abandoned)
    return len(abandoned)


async def _waiting_transactions(client: AsyncMongoClient[Document], pause: float) -> list[Document]:
    found: Document = {
        "type": "idleSession",
        "appName": {"$regex": f"^{APP_NAME}"},
        "transaction.timeInactiveMicros": {"$gt": int(pause * _SECOND)},
        "connectionId": {"$exists": True},
    }
    return await (await client.admin.aggregate([{"$currentOp": {"idleSessions": True}}, {"$match": found}])).to_list()


async def _open_connections(client: AsyncMongoClient[Document], among: list[int]) -> set[int]:
    found: Document = {"type": "op", "connectionId": {"$in": among}}
    cursor = await client.admin.aggregate(
        [
            {"$currentOp": {"idleConnections": True}},
            {"$match": found},
            {"$project": {"connectionId": 1}},
        ]
    )
    return {one["connectionId"] async for one in cursor}
