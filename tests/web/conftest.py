"""A gateway, sockets of stations, the API, and a real browser that is logged in to the admin."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from tenants.admin_site.access import SESSION_KEY as TENANT_KEY
from tenants.models import User
from tests.gateway.conftest import connect, gateway, mqtt, station
from tests.operators import anna, boris, charger, founded, global_database
from tests.people import Operator, with_orm
from tests.rest_client import Rest, token_for
from tests.serving import Gateway
from tests.web.chromium import Browser, chromium

__all__ = [  # fixtures from elsewhere
    "anna",
    "boris",
    "charger",
    "connect",
    "founded",
    "gateway",
    "global_database",
    "mqtt",
    "station",
]


@pytest.fixture(scope="package")
def gateways(tmp_path_factory: pytest.TempPathFactory, global_database: None) -> Iterator[dict[str, Gateway]]:
    """The server that `gateway` takes."""
    running = Gateway("uvicorn", tmp_path_factory.mktemp("web"))
    try:
        running.start()
        yield {running.server: running}
    finally:
        running.stop()


@pytest.fixture
async def rest(gateway: Gateway, anna: Operator) -> AsyncIterator[Rest]:
    """The API for an administrator of Anna's."""
    async with Rest(origin_of(gateway), token_for(anna)) as client:
        yield client


def origin_of(gateway: Gateway) -> str:
    return gateway.url.replace("ws", "http")


def logged_in(tenant: str) -> str:
    """Return the admin session of a new superuser who has chosen a tenant."""

    def create() -> str:
        user = User.objects.create_superuser(f"root-{secrets.token_hex(4)}")
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session[TENANT_KEY] = tenant
        session.create()
        return str(session.session_key)

    return with_orm(create)


@pytest.fixture
async def browser(gateway: Gateway, anna: Operator, tmp_path: Path) -> AsyncIterator[Browser]:
    """Chromium, logged in to the admin as a superuser in Anna's tenant."""
    async with chromium(tmp_path, origin_of(gateway)) as opened:
        await opened.cookie(settings.SESSION_COOKIE_NAME, logged_in(anna.slug))
        yield opened


@pytest.fixture
def unhurried(anna: Operator) -> None:
    """Nobody is told to come back later."""
    anna.configure(api_rate_limit=1_000_000)
