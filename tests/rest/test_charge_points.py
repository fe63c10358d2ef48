"""Charge points over REST: creating, editing without stepping on anybody, keys, ids of every kind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connections

from chargepoints.credentials import key_matches
from chargepoints.models import ChargePoint, Connector, TenantCounter
from chargepoints.provisioning import create_charge_point
from chargepoints.station_urls import short_station_url, station_url
from tenants.context import tenant_scope
from tenants.models import Tenant
from tests.rest.conftest import Company, assert_problem

ODD_IDS = ["a:b", "a|b", "a@b", "a*b", "a+b", "a=b", "a.b", "tenant1_CP.json", "-", "*", "a_b-c:d|e@f.g=h+i*j"]


def test_creating_shows_the_key_once(voltway: Company, in_voltway: None) -> None:
    body = {
        "id": "CP1",
        "name": "Car park",
        "location": {"lat": 52.5, "lon": 13.4, "address": "Alexanderplatz 1"},
        "tags": ["car-park"],
        "security_profile": 2,
    }
    answer = voltway.api().post("chargepoints", body)

    assert answer.status_code == 201
    assert answer["Location"] == "/api/v1/chargepoints/CP1"
    assert answer["Cache-Control"] == "no-store"
    made = answer.json()
    assert made["url"] == f"ws://127.0.0.1:8081/ocpp/{voltway.slug}/CP1"
    assert made["alt_url"] is None
    assert len(made["key"]) == 40
    assert key_matches(ChargePoint.objects.get(pk="CP1").credential_hash, made["key"].encode())
    assert TenantCounter.objects.get(pk="charge_points").value == 1

    shown = voltway.api("viewer").get("chargepoints/CP1").json()
    assert {name: shown[name] for name in body} == body
    assert shown["tenant_id"] == voltway.slug
    assert not {"key", "credential_hash", "epoch", "url"} & shown.keys()


def test_what_the_gateway_knows_is_shown(voltway: Company, in_voltway: None, collection_of: Any) -> None:
    station, _ = create_charge_point("CP1")
    connected = {"instance": "a", "epoch": 7, "since": "2026-05-01T10:00:00Z"}
    Connector.objects.create(id="CP1/2/1", charge_point=station, evse_id=2, connector_id=1, status="charging")
    Connector.objects.create(id="CP1/1/1", charge_point=station, evse_id=1, connector_id=1, max_power=22000)
    seen = datetime(2026, 5, 1, 10, 0, 0, 123000, tzinfo=UTC)
    collection_of("charge_points").update_one(
        {"_id": "CP1"}, {"$set": {"connected": connected, "vendor": "ACME", "last_seen": seen, "status": "available"}}
    )

    shown = voltway.api().get("chargepoints/CP1").json()

    assert shown["connected"] == connected
    assert shown["vendor"] == "ACME"
    assert shown["last_seen"] == "2026-05-01T10:00:00.123Z"
    assert [(entry["evse_id"], entry["status"]) for entry in shown["connectors"]] == [(1, "unknown"), (2, "charging")]
    assert voltway.api().get("chargepoints/CP1/connectors").json()["results"] == shown["connectors"]
    assert voltway.api().get("chargepoints", {"connected": "true"}).json()["results"] == [shown]
    assert voltway.api().get("chargepoints", {"connected": "false"}).json()["results"] == []
    # What is neither would otherwise be taken for no filter at all, and answered with everything.
    for neither in ("1", "2", "yes", "$true"):
        assert_problem(voltway.api().get("chargepoints", {"connected": neither}), 400, "invalid")
    assert voltway.api().get("chargepoints", {"vendor": "ACME", "status": "available"}).json()["results"] == [shown]
    assert voltway.api().get("chargepoints", {"vendor": "acme"}).json()["results"] == []


def test_an_id_is_taken_once(voltway: Company) -> None:
    voltway.api().post("chargepoints", {"id": "CP1"})

    assert_problem(voltway.api().post("chargepoints", {"id": "CP1"}), 409, "charge_point_exists")


def test_the_limit_is_exact_under_fifty_concurrent_creates(voltway: Company, in_voltway: None) -> None:
    Tenant.objects.filter(slug=voltway.slug).update(max_charge_points=7)
    token = voltway.token()

    def create(number: int) -> int:
        from tests.rest.conftest import Api

        try:
            status: int = Api(token).post("chargepoints", {"id": f"CP{number}"}).status_code
            return status
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as threads:
        statuses = sorted(threads.map(create, range(50)))

    assert statuses == [201] * 7 + [409] * 43
    assert ChargePoint.objects.count() == 7
    assert_problem(voltway.api().post("chargepoints", {"id": "one-more"}), 409, "charge_point_limit")


@pytest.mark.parametrize("identity", ODD_IDS)
def test_ids_with_odd_characters(voltway: Company, identity: str) -> None:
    api = voltway.api()
    location = api.post("chargepoints", {"id": identity})["Location"]

    assert location == f"/api/v1/chargepoints/{quote(identity, safe='')}"
    assert api.get(location).json()["id"] == identity
    assert api.get(f"{location}/connectors").status_code == 200
    assert api.get(f"{location}/sessions").status_code == 200
    assert api.patch(location, {"name": "x"}).json()["id"] == identity
    assert api.post(f"{location}/credentials").json()["id"] == identity
    assert api.delete(location).status_code == 204
    assert_problem(api.get(location), 404, "not_found")


def test_an_edit_writes_only_what_it_changes(voltway: Company, in_voltway: None, collection_of: Any) -> None:
    create_charge_point("CP1", name="old", tags=["a"])
    stations = collection_of("charge_points")
    before = stations.find_one({"_id": "CP1"})

    shown = voltway.api().patch("chargepoints/CP1", {"name": "$epoch", "location": {"lat": 1}}).json()

    after = stations.find_one({"_id": "CP1"})
    assert {name for name in after if after[name] != before[name]} == {"name", "latitude"}
    assert shown["name"] == after["name"] == "$epoch"
    assert shown["location"] == {"lat": 1.0, "lon": None, "address": ""}
    assert shown["tags"] == ["a"]


def test_an_edit_may_bring_back_what_was_read(voltway: Company, in_voltway: None) -> None:
    create_charge_point("CP1")
    read = voltway.api().get("chargepoints/CP1").json()

    assert voltway.api().patch("chargepoints/CP1", {**read, "id": "CP2", "vendor": "no"}).json() == read


def test_an_edit_of_an_old_state_is_refused(voltway: Company, in_voltway: None, collection_of: Any) -> None:
    create_charge_point("CP1")
    api = voltway.api()
    etag = api.get("chargepoints/CP1")["ETag"]

    collection_of("charge_points").update_one({"_id": "CP1"}, {"$set": {"last_seen": datetime.now(UTC)}})
    edited = api.patch("chargepoints/CP1", {"name": "mine", "tags": ["a", "b"]}, **{"If-Match": etag})
    assert edited.status_code == 200
    assert edited["ETag"] != etag
    assert edited["ETag"] == api.get("chargepoints/CP1")["ETag"]

    assert_problem(api.patch("chargepoints/CP1", {"name": "x"}, **{"If-Match": etag}), 412, "changed_meanwhile")
    assert_problem(api.delete("chargepoints/CP1", **{"If-Match": etag}), 412, "changed_meanwhile")
    assert api.patch("chargepoints/CP1", {"tags": []}, **{"If-Match": f'"x", {edited["ETag"]}'}).status_code == 200
    assert api.patch("chargepoints/CP1", {"name": "y"}, **{"If-Match": "*"}).status_code == 200


def test_of_two_edits_of_one_state_one_wins(voltway: Company, in_voltway: None) -> None:
    create_charge_point("CP1")
    token, etag = voltway.token(), voltway.api().get("chargepoints/CP1")["ETag"]

    def edit(number: int) -> int:
        from tests.rest.conftest import Api

        try:
            status: int = Api(token).patch("chargepoints/CP1", {"name": f"n{number}"}, **{"If-Match": etag}).status_code
            return status
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(edit, range(8))) == [200] + [412] * 7


def test_a_new_key_replaces_the_old_one(voltway: Company, in_voltway: None) -> None:
    _, old = create_charge_point("CP1")

    answer = voltway.api().post("chargepoints/CP1/credentials")

    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    stored = ChargePoint.objects.get(pk="CP1").credential_hash
    assert key_matches(stored, answer.json()["key"].encode())
    assert not key_matches(stored, old.encode())


def test_deleting_frees_the_place(voltway: Company, in_voltway: None) -> None:
    station, _ = create_charge_point("CP1")
    Connector.objects.create(id="CP1/1/1", charge_point=station, evse_id=1, connector_id=1)

    assert voltway.api().delete("chargepoints/CP1").status_code == 204
    assert TenantCounter.objects.get(pk="charge_points").value == 0
    assert Connector.objects.count() == 0
    assert_problem(voltway.api().delete("chargepoints/CP1"), 404, "not_found")


def test_a_station_the_gateway_stored_with_fewer_fields(voltway: Company, in_voltway: None, collection_of: Any) -> None:
    create_charge_point("CP1")
    unset = {"name": 1, "tags": 1, "latitude": 1, "address": 1, "connected": 1}
    collection_of("charge_points").update_one({"_id": "CP1"}, {"$unset": unset})
    api = voltway.api()

    read = api.get("chargepoints/CP1")

    assert read.status_code == 200
    assert api.patch("chargepoints/CP1", {"name": "x"}, **{"If-Match": read["ETag"]}).json()["name"] == "x"


@pytest.mark.parametrize(
    "tenant, identity, long, short",
    [
        ("tenant1", "tenant1_CP001", "/ocpp/tenant1/tenant1_CP001", "/ocpp/tenant1_CP001"),
        ("tenant1", "tenant2_CP001", "/ocpp/tenant1/tenant2_CP001", None),
        ("tenant1", "CP001", "/ocpp/tenant1/CP001", None),
        ("default", "CP001", "/ocpp/default/CP001", "/ocpp/CP001"),
        ("default", "a+b", "/ocpp/default/a%2Bb", "/ocpp/a%2Bb"),
    ],
)
def test_the_addresses_of_a_station(settings: Any, tenant: str, identity: str, long: str, short: str | None) -> None:
    settings.PUBLIC_URL = "https://csms.example"

    assert station_url(tenant, identity) == f"wss://csms.example{long}"
    assert short_station_url(tenant, identity) == (f"wss://csms.example{short}" if short else None)


def test_a_list_is_read_a_page_at_a_time(voltway: Company) -> None:
    with tenant_scope(voltway.slug):
        for number in range(7):
            create_charge_point(f"CP{number}")
    first = voltway.api().get("chargepoints", {"page_size": 3}).json()
    second = voltway.api().get(first["next"]).json()
    third = voltway.api().get(second["next"]).json()

    pages = [[entry["id"] for entry in page["results"]] for page in (first, second, third)]
    assert pages == [["CP0", "CP1", "CP2"], ["CP3", "CP4", "CP5"], ["CP6"]]
    assert first["previous"] is None
    assert third["next"] is None
    assert voltway.api().get(third["previous"]).json()["results"] == second["results"]
    backwards = voltway.api().get("chargepoints", {"page_size": 2, "ordering": "-id"}).json()
    assert [entry["id"] for entry in backwards["results"]] == ["CP6", "CP5"]
