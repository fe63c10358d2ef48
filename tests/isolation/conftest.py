"""Voltway and Amperia again; here Amperia owns two of everything, and none of it is Voltway's business."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chargepoints.provisioning import create_charge_point
from tenants.context import tenant_scope
from tests.isolation.belongings import Belongings, own_everything
from tests.rest.conftest import Company, company, company_slugs, database, migrated, root, root_api

__all__ = ["company_slugs", "database", "migrated", "root", "root_api"]  # fixtures from elsewhere

OWN_STATION = "VOLT1"


@pytest.fixture(scope="session")
def voltway(company_slugs: tuple[str, str], django_db_blocker: Any) -> Iterator[Company]:
    """The company that asks; it owns one station and nothing else."""
    with django_db_blocker.unblock():
        for made in company(company_slugs[0]):
            with tenant_scope(made.slug):
                create_charge_point(OWN_STATION)
            yield made


@pytest.fixture(scope="session")
def belongings(company_slugs: tuple[str, str], django_db_blocker: Any) -> Iterator[Belongings]:
    """Everything that Amperia owns."""
    with django_db_blocker.unblock():
        for made in company(company_slugs[1]):
            yield own_everything(made)


@pytest.fixture
def theirs(belongings: Belongings, database: None) -> Iterator[Belongings]:
    """Everything that Amperia owns, unchanged when the test ends."""
    before = belongings.everything()
    yield belongings
    assert belongings.everything() == before, "something of Amperia's was changed"
