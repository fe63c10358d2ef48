"""A thousand tenants in one process: the connections and threads of one."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.db import connections

from chargepoints.models import ChargePoint
from tenants import clients
from tenants.clients import async_database, close_async_client, sync_client
from tenants.context import tenant_scope
from tenants.routing import database_name

TENANTS = [f"thousand-{number}" for number in range(1000)]
# Of the driver itself: it watches the server on connections beside the pool's.
WATCHING = 4
THREADS = 30


def open_connections() -> int:
    """Return how many connections the server has from processes of this kind."""
    stage = {"$currentOp": {"allUsers": True, "idleConnections": True}}
    ours = {"$match": {"appName": clients.APP_NAME}}
    return len(list(sync_client().admin.aggregate([stage, ours])))


def _look(slug: str) -> bool:
    with tenant_scope(slug):
        found = ChargePoint.objects.filter(pk="x").exists()
    connections.close_all()
    return bool(found)


def test_a_thousand_tenants_share_the_connections_of_threads(database: None) -> None:
    before, threads = open_connections(), threading.active_count()
    with ThreadPoolExecutor(THREADS) as pool:
        assert not any(pool.map(_look, TENANTS))
        assert threading.active_count() <= threads + THREADS + WATCHING
    assert [key for key in clients._sync_clients if key[0] == os.getpid()] == [(os.getpid(), "")]
    assert open_connections() <= before + settings.MONGODB_MAX_POOL_SIZE + WATCHING
    assert threading.active_count() <= threads + WATCHING


async def test_a_thousand_tenants_share_the_connections_of_the_event_loop() -> None:
    before, threads = await asyncio.to_thread(open_connections), threading.active_count()

    async def look(slug: str) -> Any:
        return await async_database(database_name(slug))["charge_points"].find_one({"_id": "x"})

    try:
        assert await asyncio.gather(*(look(slug) for slug in TENANTS)) == [None] * len(TENANTS)
        loop = asyncio.get_running_loop()
        assert [key for key in clients._async_clients if key[0] is loop] == [(loop, "")]
        now = await asyncio.to_thread(open_connections)
        assert now <= before + settings.MONGODB_MAX_POOL_SIZE + WATCHING
        assert threading.active_count() <= threads + WATCHING
    finally:
        await close_async_client()
