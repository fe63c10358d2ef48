"""Anna and Boris: two operators, founded once for a whole test run. Stations are cheap: every test installs its own.

A `conftest.py` that wants them imports these fixtures.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command

from tests.people import Installed, Operator


@pytest.fixture(scope="session")
def global_database(django_db_blocker: Any) -> Iterator[None]:
    """Tenants can be created: the global database has its collections."""
    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0)
        yield


@pytest.fixture(scope="session")
def founded(global_database: None) -> dict[str, Operator]:
    """The operators by name."""
    return {name: Operator.founding(name) for name in ("anna", "boris")}


@pytest.fixture
def anna(founded: dict[str, Operator]) -> Operator:
    """An operator."""
    founded["anna"].still_here()
    return founded["anna"]


@pytest.fixture
def boris(founded: dict[str, Operator]) -> Operator:
    """Another operator, who must never see what is Anna's."""
    founded["boris"].still_here()
    return founded["boris"]


@pytest.fixture
def charger(anna: Operator) -> Installed:
    """A new charge point of Anna's, in service before."""
    return anna.installs()
