"""Ledger stations of one tenant at one gateway, each with an id tag of its own, and a way to keep them charging."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random

from csms.embedded.program import Gateway
from tests.acceptance.ledger_station import LedgerStation
from tests.acceptance.product import Product, socket_url

TENANT = "tenant1"


def ledger_stations(product: Product, gateway: Gateway, count: int) -> list[LedgerStation]:
    """Return `count` stations that no other test has used; each behaves alike in every run."""
    return [
        LedgerStation(
            one["id"],
            socket_url(gateway, one["url"]),
            one["key"],
            product.id_tag(TENANT, one["id"]),
            Random(one["id"]),
        )
        for one in product.unused_stations(TENANT, count)
    ]


@asynccontextmanager
async def connected(stations: Sequence[LedgerStation], deadline: float = 60.0) -> AsyncIterator[None]:
    """Keep stations connected inside the block; it begins when all are online."""
    links = [asyncio.create_task(station.run()) for station in stations]
    try:
        async with asyncio.timeout(deadline):
            await asyncio.gather(*(station.online.wait() for station in stations))
        yield
    finally:
        await _cancel(links)


@asynccontextmanager
async def charging(stations: Sequence[LedgerStation], meter_values: int = 3) -> AsyncIterator[None]:
    """Let every station play one charge after another inside the block; the last ones are played to their end."""
    over = asyncio.Event()

    async def play(station: LedgerStation) -> None:
        while not over.is_set():
            await station.charge(meter_values)

    charges = [asyncio.create_task(play(station)) for station in stations]
    try:
        yield
        over.set()
        async with asyncio.timeout(120):
            await asyncio.gather(*charges)
    finally:
        await _cancel(charges)


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, Exception):
            raise outcome
