"""A client nobody here wrote charges, on both URL forms; MongoDB, MQTT and REST tell of it, to its tenant only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from csms.embedded.program import Gateway
from tests.acceptance.mqtt_capture import History, MqttCapture
from tests.acceptance.ocpp_client import (
    METER_START,
    METER_STOP,
    READINGS,
    Charged,
    library_station,
    whole_charge,
)
from tests.acceptance.product import Product, socket_url
from tests.acceptance.reconcile import out_of_order

ENERGY = METER_STOP - METER_START
STOPPED = "session.stopped"
SESSION_STEPS = ["session.started", *["session.meter_values"] * len(READINGS), STOPPED]


async def charge_on(gateway: Gateway, product: Product, form: str) -> Charged:
    """Let the library's client charge at the tenant's first station and return what it knows."""
    tenant = product.tenants["tenant1"]
    station = tenant.stations[0]
    # Two charges that began at the same moment with the same meter value would be one, sent twice.
    started = datetime.now(UTC)
    url = socket_url(gateway, station[form])
    async with library_station(url, station["id"], station["key"]) as client:
        return await whole_charge(client, tenant.id_tags[0], started)


def stopped(transaction_id: int) -> Any:
    """Return the condition that this transaction's stop has been heard of."""

    def heard(history: History) -> bool:
        return any(
            one.payload["event_type"] == STOPPED and one.payload["data"]["transaction_id"] == transaction_id
            for one in history.messages
        )

    return heard


@pytest.mark.parametrize("form", ["url", "alt_url"])
async def test_the_session_has_the_right_energy_and_every_event_in_order(
    gateway: Gateway, product: Product, capture: MqttCapture, form: str
) -> None:
    charged = await charge_on(gateway, product, form)

    session = product.database("tenant1")["sessions"].find_one({"transaction_id": charged.transaction_id})
    assert session is not None
    assert session["charge_point_id"] == product.tenants["tenant1"].stations[0]["id"]
    assert (session["status"], session["energy_wh"]) == ("completed", ENERGY)
    values = product.database("tenant1")["meter_values"].count_documents({"session_id": session["_id"]})
    assert values == len(READINGS)

    history = capture.wait_for(stopped(charged.transaction_id))
    events = history.of_session(session["_id"])
    assert [one.payload["event_type"] for one in events] == SESSION_STEPS
    assert {one.topic for one in events} == {f"ocpp/events/tenant1/{session['charge_point_id']}/session"}
    assert out_of_order("the station", history.of_station(session["charge_point_id"])) == []


async def test_the_other_tenant_sees_nothing(gateway: Gateway, product: Product, capture: MqttCapture) -> None:
    before = contents(product, "tenant2")
    charged = await charge_on(gateway, product, "url")

    history = capture.wait_for(stopped(charged.transaction_id))
    assert product.tenants["tenant1"].database != product.tenants["tenant2"].database
    assert contents(product, "tenant2") == before
    assert not [one for one in history.messages if "tenant2" in one.topic and not one.retained]


def contents(product: Product, tenant: str) -> dict[str, int]:
    """Return how many documents each collection of a tenant's database holds."""
    database = product.database(tenant)
    return {name: database[name].count_documents({}) for name in sorted(database.list_collection_names())}


async def test_rest_shows_the_session_to_its_own_tenant_only(gateway: Gateway, product: Product) -> None:
    charged = await charge_on(gateway, product, "alt_url")
    station = product.tenants["tenant1"].stations[0]["id"]

    with rest(gateway, product, "tenant1") as api:
        newest = api.get("/sessions").json()["results"][0]
        assert newest["transaction_id"] == charged.transaction_id
        assert (newest["charge_point_id"], newest["energy_wh"]) == (station, ENERGY)
        values = api.get(f"/sessions/{newest['id']}/meter-values").json()["results"]
        assert len(values) == len(READINGS)
    with rest(gateway, product, "tenant2") as other:
        assert station not in other.get("/sessions").text
        assert other.get(f"/sessions/{newest['id']}").status_code == 404
        assert other.get(f"/chargepoints/{station}").status_code == 404


@contextmanager
def rest(gateway: Gateway, product: Product, tenant: str) -> Iterator[httpx.Client]:
    """Give a client that is logged in as the tenant's first user."""
    user = product.tenants[tenant].users[0]
    log_in = {"username": user["username"], "password": user["password"]}
    with httpx.Client(base_url=f"{gateway.url}/api/v1", timeout=30) as api:
        token = api.post("/auth/token", json=log_in).raise_for_status().json()["access"]
        api.headers["Authorization"] = f"Bearer {token}"
        yield api
