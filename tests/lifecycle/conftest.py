"""A tenant with two rows of everything, to be exported, imported and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.isolation.belongings import Belongings, own_everything
from tests.rest.conftest import (
    Api,
    Company,
    amperia,
    company_slugs,
    database,
    drop_tenant,
    migrated,
    root,
    root_api,
    voltway,
)

__all__ = [  # fixtures from elsewhere
    "Api",
    "amperia",
    "company_slugs",
    "database",
    "migrated",
    "root",
    "root_api",
    "voltway",
]


@pytest.fixture
def owned(amperia: Company) -> Belongings:
    """Amperia with two rows of everything."""
    return own_everything(amperia)


@pytest.fixture
def copy_slug(amperia: Company, django_db_blocker: Any) -> Iterator[str]:
    """A slug that is free, and free again after the test."""
    slug = f"copy-of-{amperia.slug}"
    yield slug
    drop_tenant(slug)
