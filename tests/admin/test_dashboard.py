"""The first page: the tenant at a glance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chargepoints.models import Connector
from sessions_app.admin.overview import overview
from tenants.context import tenant_scope
from tests.admin.charges import store_session
from tests.admin.conftest import Network, address

NOW = datetime(2026, 5, 7, 15, tzinfo=UTC)


def _furnish(network: Network, now: datetime) -> None:
    for number in (1, 2, 3):
        network.installs(f"CP{number}", registration="pending" if number == 3 else "accepted")
    network.db["charge_points"].update_one(
        {"_id": "CP1"}, {"$set": {"connected": {"instance": "a", "epoch": 1, "since": "2026-05-07T10:00:00Z"}}}
    )
    with tenant_scope(network.slug):
        for station, evse, state in (("CP1", 1, "charging"), ("CP1", 2, "available"), ("CP2", 1, "faulted")):
            Connector.objects.create(
                id=f"{station}/{evse}/1", charge_point_id=station, evse_id=evse, connector_id=1, status=state
            )
    slug = network.slug
    hour = timedelta(hours=1)
    live = {"status": "active", "stop_time": None, "power_w": 7400.0}
    store_session(
        slug, "now", transaction_id=1, start_time=now - hour, received_at=now - hour, energy_wh=4000.0, **live
    )
    store_session(slug, "today", transaction_id=2, start_time=now - 2 * hour, received_at=now, energy_wh=6000.0)
    before = now - timedelta(days=3)
    store_session(slug, "before", transaction_id=3, start_time=before, received_at=before, energy_wh=20000.0)
    # Began a month ago and arrived today, because the station was offline.
    store_session(
        slug, "late", transaction_id=4, start_time=now - timedelta(days=30), received_at=now, energy_wh=99000.0
    )


def test_the_overview_counts_and_adds_up(nordlade: Network) -> None:
    _furnish(nordlade, NOW)

    with tenant_scope(nordlade.slug):
        facts = overview(NOW)

    assert (facts.stations, facts.connected, facts.waiting) == (3, 1, 1)
    assert [(state.value, count) for state, count in facts.connectors] == [
        ("available", 1),
        ("charging", 1),
        ("faulted", 1),
    ]
    assert (facts.active, facts.power_w) == (1, 7400.0)
    assert [wh for _, wh in facts.days] == [0.0, 0.0, 0.0, 20000.0, 0.0, 0.0, 10000.0]
    assert facts.days[-1][0] == NOW.date()
    assert {session.pk for session in facts.newest} == {"now", "today", "before", "late"}
    assert [connector.charge_point_id for connector in facts.troubled] == ["CP2"]


def test_the_page_shows_it(nordlade: Network) -> None:
    _furnish(nordlade, datetime.now(UTC).replace(hour=23, minute=0))

    text = nordlade.browser("viewer").html("index")

    for fact in ("1 <small>of 3", "7.4 kW altogether", "10.00 kWh", "30.00 kWh in 7 days", "Needs attention"):
        assert fact in text
    assert address("chargepoints_chargepoint_change", "CP2") in text
    assert address("sessions_app_chargingsession_change", "now") in text


def test_an_empty_tenant_is_told_how_to_begin(nordlade: Network) -> None:
    text = nordlade.browser("admin").html("index")
    assert "Connect the first station" in text
    assert address("chargepoints_chargepoint_add") in text
    assert address("chargepoints_chargepoint_add") not in nordlade.browser("viewer").html("index")


def test_a_station_that_has_never_charged_breaks_nothing(nordlade: Network) -> None:
    nordlade.installs("CP1")
    text = nordlade.browser("viewer").html("index")
    assert "Nobody has charged yet." in text
    assert "No station has reported its connectors yet." in text
