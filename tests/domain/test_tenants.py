"""Whose data: slugs and databases, the router, the cached directory, values that are written together."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings

from chargepoints.models import ChargePoint
from tenants.coalesced_writes import CoalescedWrites
from tenants.context import NoTenant, current_tenant, tenant_scope
from tenants.directory import find_tenant, forget_tenants
from tenants.routing import alias_for, database_name
from tests.people import Installed, Operator, with_orm


@pytest.mark.parametrize("slug", ["a", "tenant1", "a-b", "0", "a" * 40])
def test_a_slug_names_a_database(slug: str) -> None:
    assert database_name(slug) == f"{settings.MONGODB_TENANT_PREFIX}{slug}"


@pytest.mark.parametrize(
    "slug", ["", "A", "a_b", "-a", "a-", "a.b", "a/b", "a$b", "a b", "a\0", "a\n", "ä", "a" * 41, "../a"]
)
def test_what_is_no_slug_never_becomes_a_database(slug: str) -> None:
    with pytest.raises(ValueError, match="slug"):
        database_name(slug)
    with pytest.raises(ValueError, match="slug"):
        alias_for(slug)


def test_tenant_models_have_no_database_to_fall_back_to(anna: Operator) -> None:
    with pytest.raises(NoTenant):
        with_orm(ChargePoint.objects.count)


def test_a_scope_ends_where_it_ends(anna: Operator, boris: Operator, charger: Installed) -> None:
    def look() -> list[Any]:
        found: list[Any] = [current_tenant()]
        with tenant_scope(anna.slug):
            found.append(ChargePoint.objects.filter(pk=charger.identity).count())
            with tenant_scope(boris.slug):
                found.append(ChargePoint.objects.filter(pk=charger.identity).count())
            found.append(current_tenant())
        return [*found, current_tenant()]

    assert with_orm(look) == [None, 1, 0, anna.slug, None]


async def test_the_directory_knows_tenants_and_not_others(anna: Operator) -> None:
    record = await find_tenant(anna.slug)
    assert record is not None
    assert (record.slug, record.database_name, record.active) == (anna.slug, anna.db.name, True)
    assert await find_tenant("nobody-at-all") is None


async def test_the_directory_is_asked_again_after_a_while(anna: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    await find_tenant(anna.slug)
    anna.configure(default_heartbeat_interval=99)
    try:
        await find_tenant(anna.slug)
        monkeypatch.setattr("tenants.directory.CACHE_SECONDS", 0.0)
        record = await find_tenant(anna.slug)
        assert record is not None
        assert record.default_heartbeat_interval == 99
    finally:
        anna.still_here()
        forget_tenants()


# -- Coalesced writes ----------------------------------------------------------------------------


async def test_only_the_newest_values_are_written(anna: Operator, charger: Installed) -> None:
    writes, query = CoalescedWrites(), {"_id": charger.identity}
    for name in ("first", "second", "third"):
        writes.put(anna.record(), "charge_points", query, lambda name=name: {"name": name})  # type: ignore[misc]
    writes.put(anna.record(), "charge_points", query, lambda: {"address": "here"})
    await writes.flush()
    stored = anna.charge_point(charger.identity)
    assert (stored["name"], stored["address"]) == ("third", "here")
    await writes.flush()


async def test_values_of_a_document_in_another_state_are_dropped(anna: Operator, charger: Installed) -> None:
    writes = CoalescedWrites()
    stale = {"_id": charger.identity, "epoch": -1}
    writes.put(anna.record(), "charge_points", stale, lambda: {"name": "stale"})
    await writes.flush()
    assert anna.charge_point(charger.identity)["name"] == ""


async def test_values_that_cannot_be_written_harm_no_others(
    anna: Operator, boris: Operator, charger: Installed
) -> None:
    neighbour, other = anna.installs(), boris.installs()
    writes = CoalescedWrites()

    def fail() -> dict[str, Any]:
        raise ZeroDivisionError

    writes.put(anna.record(), "charge_points", {"_id": charger.identity}, fail)
    writes.put(anna.record(), "connectors", {"_id": "odd"}, lambda: {"name": 2**64})
    writes.put(anna.record(), "charge_points", {"_id": neighbour.identity}, lambda: {"name": "written"})
    writes.put(boris.record(), "charge_points", {"_id": other.identity}, lambda: {"name": "written"})
    await writes.flush()
    assert boris.charge_point(other.identity)["name"] == "written"
    assert anna.charge_point(neighbour.identity)["name"] == "written"
