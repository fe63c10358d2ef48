"""Transaction ids: positive 32-bit integers, unique in a tenant, never used twice (OCPP 1.6 §6.45).

A process takes a block of ids with one durable write and hands them out from memory. What it has not used when it
ends is lost, which is as intended: an id that may have been seen anywhere is never given out again.
"""

from __future__ import annotations

import asyncio
from typing import Any

from pymongo import ReturnDocument

from tenants.directory import TenantRecord

COUNTERS = "counters"
BLOCK = 100
LAST_ID = 2**31 - 1


class TransactionIdsUsedUp(RuntimeError):
    """A tenant has had two billion transactions; the ids of OCPP 1.6 end there."""


class _Block:
    __slots__ = ("next", "end", "lock")

    def __init__(self) -> None:
        self.next = self.end = 1
        self.lock = asyncio.Lock()


_blocks: dict[tuple[asyncio.AbstractEventLoop, str], _Block] = {}


async def next_transaction_id(tenant: TenantRecord) -> int:
    """Return an id that no transaction of the tenant has ever had.

    Raises:
        TransactionIdsUsedUp: after 2,147,483,647 transactions of one tenant.
    """
    block = _blocks.setdefault((asyncio.get_running_loop(), tenant.database_name), _Block())
    while block.next >= block.end:
        async with block.lock:
            if block.next >= block.end:
                await _take_block(tenant, block)
    block.next += 1
    return block.next - 1


async def _take_block(tenant: TenantRecord, block: _Block) -> None:
    counter: dict[str, Any] | None = await tenant.database[COUNTERS].find_one_and_update(
        {"_id": "transaction_id"},
        {"$inc": {"value": BLOCK}},
        upsert=True,
        return_document=ReturnDocument.AFTER,
    )
    assert counter is not None  # the upsert returns what it stored
    end = int(counter["value"]) + 1
    if end > LAST_ID:
        raise TransactionIdsUsedUp(tenant.slug)
    block.next, block.end = end - BLOCK, end
