"""Closing the sockets of stations that may stay no longer: some at a time, and with an answer to the last message."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from ocpp_gateway.connection import POLICY_VIOLATION, Connection

# As many sockets at a time, so that their stations do not all come back to be refused at once.
SLICE = 50
SLICE_PAUSE_SECONDS = 0.2
# How long a message that is being served may take before its socket is closed.
LAST_MESSAGE_SECONDS = 5.0
# What fits into a close frame beside the code (RFC 6455 §5.5).
_REASON_BYTES = 123

log = structlog.get_logger(__name__)


async def in_slices(connections: Sequence[Connection], farewell: Callable[[Connection], Awaitable[None]]) -> None:
    """Do with all connections what closes them."""
    for start in range(0, len(connections), SLICE):
        await asyncio.gather(*(farewell(one) for one in connections[start : start + SLICE]))
        await asyncio.sleep(SLICE_PAUSE_SECONDS)


async def say_goodbye(connection: Connection, reason: str) -> None:
    """Close a socket with 1008; the message that is being served is answered first."""
    try:
        async with asyncio.timeout(LAST_MESSAGE_SECONDS):
            await connection.drain()
    except TimeoutError:
        log.info("message_cut_off", tenant=connection.station.tenant.slug, station=connection.station.id)
    await connection.close(POLICY_VIOLATION, reason.encode()[:_REASON_BYTES].decode(errors="ignore"))
