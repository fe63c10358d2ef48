"""Nothing of one tenant is visible to another: not its data, not even that it exists (faults.md, I4)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chargepoints.booking import book
from chargepoints.models import Connector
from chargepoints.provisioning import create_charge_point
from sessions_app.models import ChargingSession, IdToken, LocalList, MeterValue
from tenants.context import current_tenant, tenant_scope
from tenants.models import User
from tests.rest.conftest import Api, Company, assert_problem, csv_rows

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def amperias_data(amperia: Company) -> None:
    """A station, a session with a meter value and a tag that are none of Voltway's business."""
    with tenant_scope(amperia.slug):
        station, _ = create_charge_point("AMP1")
        Connector.objects.create(id="AMP1/1/1", charge_point=station, evse_id=1, connector_id=1)
        session = ChargingSession.objects.create(
            id="amp-session",
            charge_point_id="AMP1",
            transaction_id=7,
            id_tag="AMPTAG",
            token_id="amptag",
            received_at=NOON,
        )
        MeterValue.objects.create(
            session=session, charge_point_id="AMP1", evse_id=1, timestamp=NOON, received_at=NOON, samples=[]
        )
        IdToken.objects.create(id="amptag", id_tag="AMPTAG")
        LocalList.objects.create(id="AMP1")
        book(
            "AMP1",
            evse_id=1,
            id_tag="AMPTAG",
            parent_id_tag="",
            expires_at=NOON,
            requested_by="amp",
            now=NOON,
        )


PATHS = [
    "chargepoints/AMP1",
    "chargepoints/AMP1/connectors",
    "chargepoints/AMP1/sessions",
    "sessions/amp-session",
    "sessions/amp-session/meter-values",
    "id-tokens/amptag",
    "local-lists/AMP1",
    "reservations/AMP1:1",
    "tenants/{amperia}",
]


@pytest.mark.parametrize("path", PATHS)
def test_reading_by_id(voltway: Company, amperia: Company, amperias_data: None, path: str) -> None:
    theirs = voltway.api().get(path.format(amperia=amperia.slug))
    missing = voltway.api().get(path.format(amperia="no-such").replace("AMP1", "NOPE").replace("amp", "nope"))

    assert assert_problem(theirs, 404, "not_found") == assert_problem(missing, 404, "not_found")
    assert amperia.api("viewer").get(path.format(amperia=amperia.slug)).status_code == 200


def test_changing_and_deleting_by_id(voltway: Company, amperia: Company, amperias_data: None) -> None:
    api = voltway.api()
    for answer in (
        api.patch("chargepoints/AMP1", {"name": "mine"}),
        api.delete("chargepoints/AMP1"),
        api.post("chargepoints/AMP1/credentials"),
        api.patch("id-tokens/amptag", {"status": "blocked"}),
        api.delete("id-tokens/amptag"),
        api.patch("local-lists/AMP1", {"mode": "all"}),
        api.post("local-lists/AMP1/synchronize"),
        api.post("reservations/AMP1:1/cancel"),
    ):
        assert_problem(answer, 404, "not_found")
    assert amperia.api().get("chargepoints/AMP1").json()["name"] == ""
    assert amperia.api().get("id-tokens/amptag").json()["status"] == "accepted"


def test_lists_and_filters(voltway: Company, amperias_data: None) -> None:
    api = voltway.api()
    for path, query in (
        ("chargepoints", {}),
        ("sessions", {}),
        ("sessions", {"charge_point_id": "AMP1"}),
        ("sessions", {"id_tag": "AMPTAG"}),
        ("sessions", {"transaction_id": 7}),
        ("id-tokens", {"id_tag": "amptag"}),
        ("local-lists", {}),
        ("reservations", {}),
        ("reservations", {"charge_point_id": "AMP1"}),
    ):
        assert api.get(path, query).json() == {"next": None, "previous": None, "results": []}


def test_csv(voltway: Company, amperias_data: None) -> None:
    assert len(csv_rows(voltway.api().get("sessions", {"format": "csv"}))) == 1


def test_a_cursor_of_another_tenant_only_says_where(voltway: Company, amperia: Company, amperias_data: None) -> None:
    with tenant_scope(amperia.slug):
        create_charge_point("AMP2")
    link = amperia.api().get("chargepoints", {"page_size": 1}).json()["next"]

    assert voltway.api().get(link).json()["results"] == []


def test_the_tenant_list_has_only_ones_own(voltway: Company, amperia: Company) -> None:
    assert [entry["slug"] for entry in voltway.api("viewer").get("tenants").json()["results"]] == [voltway.slug]


def test_the_same_id_in_two_tenants_is_two_stations(voltway: Company, amperia: Company, amperias_data: None) -> None:
    assert voltway.api().post("chargepoints", {"id": "AMP1", "name": "ours"}).status_code == 201
    assert amperia.api().get("chargepoints/AMP1").json()["name"] == ""
    assert voltway.api().get("chargepoints/AMP1").json()["tenant_id"] == voltway.slug


@pytest.mark.parametrize("slug", ["{amperia}", "no-such-tenant", "$ne", "{voltway}x"])
def test_the_tenant_header_of_a_member(voltway: Company, amperia: Company, slug: str) -> None:
    named = slug.format(amperia=amperia.slug, voltway=voltway.slug)

    answer = voltway.api().get("chargepoints", None, **{"X-Tenant": named})

    assert assert_problem(answer, 404, "not_found")["detail"] == "there is nothing at this address"


def test_ones_own_tenant_may_be_named(voltway: Company) -> None:
    assert voltway.api().get("chargepoints", None, **{"X-Tenant": voltway.slug}).status_code == 200


def test_the_tenant_cannot_be_chosen_by_query(voltway: Company, amperia: Company, amperias_data: None) -> None:
    for name in ("tenant", "tenant_id", "database"):
        assert_problem(voltway.api().get("chargepoints", {name: amperia.slug}), 400, "invalid")


def test_a_superuser_chooses_by_header(
    root: User, root_api: Api, voltway: Company, amperia: Company, amperias_data: None
) -> None:
    theirs = root_api.get("chargepoints", None, **{"X-Tenant": amperia.slug}).json()["results"]
    ours = root_api.get("chargepoints", None, **{"X-Tenant": voltway.slug}).json()["results"]

    assert [(entry["id"], entry["tenant_id"]) for entry in theirs] == [("AMP1", amperia.slug)]
    assert ours == []


def test_a_superuser_without_a_tenant_is_told_what_to_do(root_api: Api) -> None:
    for path in ("chargepoints", "sessions", "id-tokens", "chargepoints/x", "sessions/x/meter-values"):
        assert "X-Tenant" in assert_problem(root_api.get(path), 400, "no_tenant")["detail"]


def test_a_superuser_who_names_no_tenant_there_is(root_api: Api) -> None:
    assert_problem(root_api.get("chargepoints", None, **{"X-Tenant": "no-such-tenant"}), 404, "not_found")


def test_no_request_leaves_its_tenant_behind(voltway: Company, anyone: Api) -> None:
    voltway.api().get("chargepoints")

    assert current_tenant() is None
