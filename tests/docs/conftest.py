"""Events to compare the documentation with: recorded once, from real code on a real database."""

from __future__ import annotations

import asyncio

import pytest

from tests.docs.recorded_charge import Event, record_charge


@pytest.fixture(scope="session")
def recorded() -> list[Event]:
    """The outbox entries of a whole charge."""
    return asyncio.run(record_charge())
