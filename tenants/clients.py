"""The two MongoDB clients of a process: one for threads (ORM, REST, admin), one for the event loop (OCPP)."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import Any

from django.conf import settings
from pymongo import AsyncMongoClient, MongoClient
from pymongo.driver_info import DriverInfo

Document = dict[str, Any]
# The name by which MongoDB shows which sessions are ours; other programs of this product begin theirs with it.
APP_NAME = "csms"

_lock = threading.Lock()
_sync_clients: dict[int, MongoClient[Document]] = {}
_async_clients: dict[asyncio.AbstractEventLoop, AsyncMongoClient[Document]] = {}


def _options() -> dict[str, Any]:
    milliseconds = int(settings.STORAGE_TIMEOUT * 1000)
    return {
        "tz_aware": True,
        "maxPoolSize": settings.MONGODB_MAX_POOL_SIZE,
        "serverSelectionTimeoutMS": milliseconds,
        "connectTimeoutMS": milliseconds,
        "socketTimeoutMS": milliseconds,
        "w": "majority",
        "appname": APP_NAME,
        "driver": DriverInfo("csms"),
    }


def sync_client() -> MongoClient[Document]:
    """Return this process's client for threads. Made again after a fork, which a client does not survive."""
    pid = os.getpid()
    with _lock:
        client = _sync_clients.get(pid)
        if client is None:
            # Naive datetimes are what Django's backend converts from and to.
            options = _options() | {"tz_aware": False}
            client = _sync_clients[pid] = MongoClient(settings.MONGODB_URI, **options)
    return client


def async_client() -> AsyncMongoClient[Document]:
    """Return the running event loop's client; a process that serves has exactly one loop."""
    loop = asyncio.get_running_loop()
    client = _async_clients.get(loop)
    if client is None:
        client = _async_clients[loop] = AsyncMongoClient(settings.MONGODB_URI, **_options())
    return client


async def close_async_client() -> None:
    """Close the running loop's client, if it was ever opened."""
    client = _async_clients.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.close()
