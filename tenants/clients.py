"""The two MongoDB clients of a process: one for threads (ORM, REST, admin), one for the event loop (OCPP).

With `MONGODB_TENANT_URI` there are two more for each tenant that is used, because each logs in as somebody else.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import threading
from typing import Any

from django.conf import settings
from pymongo import AsyncMongoClient, MongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.database import Database
from pymongo.driver_info import DriverInfo

Document = dict[str, Any]
# The name by which MongoDB shows which sessions are ours; other programs of this product begin theirs with it.
APP_NAME = "csms"

_lock = threading.Lock()
_PLATFORM = ""
# By process and database, for those that are logged in to alone; the one of all others stands under `_PLATFORM`.
_sync_clients: dict[tuple[int, str], MongoClient[Document]] = {}
_async_clients: dict[tuple[asyncio.AbstractEventLoop, str], AsyncMongoClient[Document]] = {}


def tenant_uri(database: str) -> str | None:
    """Return the URI with a tenant's own log-in, or None where tenants have none."""
    prefix = settings.MONGODB_TENANT_PREFIX
    if not settings.MONGODB_TENANT_URI or not database.startswith(prefix):
        return None
    slug = database.removeprefix(prefix)
    values = {"{tenant}": slug, "{database}": database, "{password}": tenant_password(slug)}
    uri: str = settings.MONGODB_TENANT_URI
    for name, value in values.items():
        uri = uri.replace(name, value)
    return uri


def tenant_password(slug: str) -> str:
    """Return the password of a tenant's user of MongoDB: made of `MONGODB_TENANT_PASSWORD_KEY`, so stored nowhere."""
    key = settings.MONGODB_TENANT_PASSWORD_KEY or ""
    return hmac.new(key.encode(), f"mongodb:{slug}".encode(), "sha256").hexdigest()


def _options(database: str = _PLATFORM) -> dict[str, Any]:
    milliseconds = int(settings.STORAGE_TIMEOUT * 1000)
    return {
        "tz_aware": True,
        "maxPoolSize": settings.MONGODB_TENANT_POOL_SIZE if database else settings.MONGODB_MAX_POOL_SIZE,
        # A tenant that is quiet keeps no connections of its own.
        **({"maxIdleTimeMS": 60_000} if database else {}),
        "serverSelectionTimeoutMS": milliseconds,
        "connectTimeoutMS": milliseconds,
        "socketTimeoutMS": milliseconds,
        "w": "majority",
        "appname": APP_NAME,
        "driver": DriverInfo("csms"),
    }


def sync_client() -> MongoClient[Document]:
    """Return this process's client for threads. Made again after a fork, which a client does not survive."""
    return _sync_client(_PLATFORM, settings.MONGODB_URI)


def sync_database(name: str) -> Database[Document]:
    """Return a database for threads, on the client that may use it."""
    return sync_client_of(name)[name]


def sync_client_of(database: str) -> MongoClient[Document]:
    """Return the client for threads that may use a database."""
    uri = tenant_uri(database)
    return sync_client() if uri is None else _sync_client(database, uri)


def _sync_client(database: str, uri: str) -> MongoClient[Document]:
    key = (os.getpid(), database)
    with _lock:
        client = _sync_clients.get(key)
        if client is None:
            # Naive datetimes are what Django's backend converts from and to.
            options = _options(database) | {"tz_aware": False}
            client = _sync_clients[key] = MongoClient(uri, **options)
    return client


def async_client() -> AsyncMongoClient[Document]:
    """Return the running event loop's client; a process that serves has exactly one loop."""
    return _async_client(_PLATFORM, settings.MONGODB_URI)


def async_database(name: str) -> AsyncDatabase[Document]:
    """Return a database for the running event loop, on the client that may use it."""
    uri = tenant_uri(name)
    client = async_client() if uri is None else _async_client(name, uri)
    return client[name]


def _async_client(database: str, uri: str) -> AsyncMongoClient[Document]:
    key = (asyncio.get_running_loop(), database)
    client = _async_clients.get(key)
    if client is None:
        client = _async_clients[key] = AsyncMongoClient(uri, **_options(database))
    return client


def async_clients() -> list[AsyncMongoClient[Document]]:
    """Return the running event loop's clients: that of the platform, and those of tenants that were used."""
    loop = asyncio.get_running_loop()
    return [async_client(), *(client for key, client in _async_clients.items() if key[0] is loop and key[1])]


async def close_async_client() -> None:
    """Close the running loop's clients, if they were ever opened."""
    loop = asyncio.get_running_loop()
    for key in [key for key in _async_clients if key[0] is loop]:
        await _async_clients.pop(key).close()
