"""The domain as the gateway uses it, inside of the test's own event loop, on the run's MongoDB."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from chargepoints.connection import claim
from chargepoints.station import Station
from tenants.clients import close_async_client
from tenants.coalesced_writes import coalesced_writes
from tenants.unit_of_work import flush_commits
from tests.operators import anna, boris, charger, founded, global_database
from tests.people import Installed, Operator

__all__ = ["anna", "boris", "charger", "founded", "global_database"]  # fixtures from elsewhere


@pytest.fixture(autouse=True)
async def settled() -> AsyncIterator[None]:
    """Whatever a test has begun to write is written, and its loop's database client closed."""
    yield
    await flush_commits()
    await coalesced_writes().flush()
    await close_async_client()


@pytest.fixture
async def station(anna: Operator, charger: Installed) -> Station:
    """`charger` as the domain sees it once it is connected."""
    return await connected(anna, charger)


async def connected(operator: Operator, charger: Installed) -> Station:
    """Return a station with a socket of a new epoch."""
    now = datetime.now(UTC)
    return await claim(operator.record(), charger.identity, instance="test", ocpp_version="1.6", now=now)
