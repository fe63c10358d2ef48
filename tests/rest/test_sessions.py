"""Sessions and meter values over REST: filters, order, pages that stay put, CSV."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chargepoints.provisioning import create_charge_point
from csms.keyset import Order, ordered, position_of
from sessions_app.models import ChargingSession, MeterValue
from tests.rest.conftest import Company, assert_problem, csv_rows

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
pytestmark = pytest.mark.usefixtures("in_voltway")


def minutes(count: float) -> datetime:
    return NOON + timedelta(minutes=count)


def session(name: str, received: datetime = NOON, **fields: Any) -> ChargingSession:
    values = {"charge_point_id": "CP1", "start_time": received, "id_tag": "tag1", **fields}
    token_id = str(values["id_tag"]).lower()
    return ChargingSession.objects.create(id=name, received_at=received, token_id=token_id, **values)


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [entry["id"] for entry in answer.json()["results"]]


def test_a_session_in_full(voltway: Company) -> None:
    session(
        "s1",
        evse_id=1,
        connector_id=1,
        transaction_id=42,
        start_meter_value=1000,
        energy_wh=250.5,
        power_w=11000,
        soc_percent=55,
        quality=["late"],
    )

    shown = voltway.api("viewer").get("sessions/s1").json()

    assert shown == {
        "id": "s1",
        "tenant_id": voltway.slug,
        "charge_point_id": "CP1",
        "evse_id": 1,
        "connector_id": 1,
        "transaction_id": 42,
        "status": "active",
        "id_tag": "tag1",
        "stop_id_tag": "",
        "authorization": "",
        "start_time": "2026-05-01T12:00:00.000Z",
        "stop_time": None,
        "start_meter_value": 1000.0,
        "stop_meter_value": None,
        "energy_wh": 250.5,
        "power_w": 11000.0,
        "current_a": None,
        "voltage_v": None,
        "soc_percent": 55.0,
        "live_at": None,
        "stop_reason": "",
        "reservation_id": None,
        "quality": ["late"],
        "received_at": "2026-05-01T12:00:00.000Z",
        "stop_received_at": None,
    }


@pytest.mark.parametrize(
    "query, found",
    [
        ({}, ["d", "c", "b", "a"]),
        ({"charge_point_id": "CP2"}, ["b"]),
        ({"status": "completed"}, ["c", "a"]),
        ({"status": ""}, ["d", "c", "b", "a"]),
        ({"id_tag": "TAG2"}, ["c"]),
        ({"id_tag": "tAg2"}, ["c"]),
        ({"transaction_id": 3}, ["c"]),
        ({"start_time_from": "2026-05-01T12:20:00Z"}, ["d", "c"]),
        ({"start_time_from": "2026-05-01T14:20:00+02:00"}, ["d", "c"]),
        ({"start_time_from": "2026-05-01T12:20:00"}, ["d", "c"]),
        ({"start_time_to": "2026-05-01T12:20:00Z"}, ["b", "a"]),
        ({"start_time_from": "2026-05-01T12:10:00Z", "start_time_to": "2026-05-01T12:30:00Z"}, ["c", "b"]),
        ({"start_time_from": "2026-05-02"}, []),
        ({"received_from": "2026-05-01T12:30:00Z"}, ["d"]),
        ({"status": "completed", "id_tag": "tag1"}, ["a"]),
        ({"ordering": "received_at"}, ["a", "b", "c", "d"]),
        ({"ordering": "-start_time"}, ["d", "c", "b", "a"]),
    ],
)
def test_filters(voltway: Company, query: dict[str, Any], found: list[str]) -> None:
    session("a", minutes(0), status="completed", transaction_id=1)
    session("b", minutes(10), charge_point_id="CP2", transaction_id=2)
    session("c", minutes(20), status="completed", id_tag="Tag2", transaction_id=3)
    session("d", minutes(30), transaction_id=4)

    assert ids(voltway.api().get("sessions", query)) == found


def test_the_sessions_of_one_charge_point(voltway: Company) -> None:
    create_charge_point("CP1")
    session("a")
    session("b", charge_point_id="CP2")

    assert ids(voltway.api().get("chargepoints/CP1/sessions")) == ["a"]
    assert_problem(voltway.api().get("chargepoints/CP2/sessions"), 404, "not_found")
    assert_problem(voltway.api().get("chargepoints/CP1/sessions", {"charge_point_id": "CP2"}), 400, "invalid")


def walk(voltway: Company, query: dict[str, Any], link: str = "next") -> list[str]:
    found: list[str] = []
    url: Any = "sessions"
    while url:
        answer = voltway.api().get(url, query if url == "sessions" else None)
        found += ids(answer)
        url = answer.json()[link]
    return found


@pytest.mark.parametrize("ordering", ["-received_at", "received_at", "-start_time", "start_time"])
def test_every_row_comes_once_whatever_is_equal_or_missing(voltway: Company, ordering: str) -> None:
    for number in range(11):
        session(f"s{number:02}", minutes(number // 4), start_time=None if number % 3 == 0 else minutes(number // 5))

    found = walk(voltway, {"page_size": 2, "ordering": ordering})

    field = ordering.lstrip("-")
    rows = ChargingSession.objects.order_by(*[f"-{name}" if ordering[0] == "-" else name for name in (field, "id")])
    assert found == [row.id for row in rows]
    assert len(set(found)) == 11


def test_pages_stay_put_while_sessions_arrive_and_go(voltway: Company) -> None:
    for number in range(6):
        session(f"s{number}", minutes(number))
    first = voltway.api().get("sessions", {"page_size": 2}).json()

    session("new", minutes(60))
    ChargingSession.objects.filter(pk__in=["s4", "s2"]).delete()

    second = voltway.api().get(first["next"])
    assert ids(second) == ["s3", "s1"]
    third = voltway.api().get(second.json()["next"])
    assert ids(third) == ["s0"]
    back = voltway.api().get(third.json()["previous"])
    assert ids(back) == ["s3", "s1"]
    front = voltway.api().get(back.json()["previous"])
    assert ids(front) == ["new", "s5"]
    assert front.json()["previous"] is None


def test_links_keep_the_filters(voltway: Company) -> None:
    for number in range(4):
        session(f"s{number}", minutes(number), status="completed" if number % 2 else "active")
    page = voltway.api().get("sessions", {"page_size": 1, "status": "completed"}).json()

    assert ids(voltway.api().get(page["next"])) == ["s1"]


def test_a_cursor_belongs_to_its_ordering(voltway: Company) -> None:
    session("a")
    session("b", minutes(1))
    link = voltway.api().get("sessions", {"page_size": 1}).json()["next"]

    problem = assert_problem(voltway.api().get(f"{link}&ordering=start_time"), 400, "invalid")

    assert list(problem["errors"]) == ["cursor"]


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", "2026-01-01", 5])
def test_a_cursor_that_somebody_made_up(voltway: Company, moment: str | int) -> None:
    made_up = base64.urlsafe_b64encode(json.dumps(["-received_at", 0, moment, "a"]).encode()).decode().rstrip("=")

    problem = assert_problem(voltway.api().get("sessions", {"cursor": made_up}), 400, "invalid")

    assert list(problem["errors"]) == ["cursor"]


@pytest.mark.parametrize("second_page", [False, True])
@pytest.mark.parametrize("order", [("-received_at", "-id"), ("received_at", "id")])
def test_pages_are_read_from_the_index(voltway: Company, order: Order, second_page: bool) -> None:
    ChargingSession.objects.bulk_create(
        ChargingSession(id=f"s{number:03}", charge_point_id="CP1", received_at=minutes(number)) for number in range(300)
    )
    after = position_of(ChargingSession.objects.get(pk="s150"), order) if second_page else None

    found = json.loads(ordered(ChargingSession.objects.all(), order, after)[:5].explain())

    plan = json.dumps(found["queryPlanner"]["winningPlan"])
    assert '"indexName": "session_newest"' in plan
    assert "COLLSCAN" not in plan
    assert '"SORT"' not in plan
    assert found["executionStats"]["totalDocsExamined"] <= 10


def value(owner: ChargingSession, minute: float, *samples: dict[str, Any]) -> None:
    MeterValue.objects.create(
        session=owner,
        charge_point_id=owner.charge_point_id,
        evse_id=1,
        connector_id=1,
        transaction_id=7,
        timestamp=minutes(minute),
        received_at=minutes(minute),
        samples=list(samples),
    )


def test_meter_values_come_in_the_order_they_were_taken(voltway: Company) -> None:
    first, other = session("s1"), session("s2")
    for minute in (2, 0, 1):
        value(first, minute, {"measurand": "Energy.Active.Import.Register", "value": 10.0 * minute, "unit": "Wh"})
    value(other, 0)

    page = voltway.api().get("sessions/s1/meter-values", {"page_size": 2}).json()
    rest = voltway.api().get(page["next"]).json()

    assert [entry["timestamp"][11:16] for entry in page["results"] + rest["results"]] == ["12:00", "12:01", "12:02"]
    assert page["results"][1] == {
        "session_id": "s1",
        "charge_point_id": "CP1",
        "evse_id": 1,
        "connector_id": 1,
        "transaction_id": 7,
        "timestamp": "2026-05-01T12:01:00.000Z",
        "received_at": "2026-05-01T12:01:00.000Z",
        "samples": [{"measurand": "Energy.Active.Import.Register", "value": 10.0, "unit": "Wh"}],
    }
    later = voltway.api().get("sessions/s1/meter-values", {"timestamp_from": "2026-05-01T12:01:00Z"}).json()
    assert len(later["results"]) == 2
    assert_problem(voltway.api().get("sessions/nope/meter-values"), 404, "not_found")


def test_sessions_as_csv(voltway: Company) -> None:
    for number in range(3):
        session(f"s{number}", minutes(number), energy_wh=number, quality=["late", "orphan"])

    answer = voltway.api().get("sessions", {"page_size": 1}, Accept="text/csv")
    rows = csv_rows(answer)

    assert answer["Content-Disposition"] == 'attachment; filename="sessions.csv"'
    assert "Accept" in answer["Vary"]
    assert rows[0][:3] == ["id", "tenant_id", "charge_point_id"]
    assert [row[0] for row in rows[1:]] == ["s2", "s1", "s0"]
    assert dict(zip(rows[0], rows[1], strict=True))["quality"] == "late orphan"
    assert [row[0] for row in csv_rows(voltway.api().get("sessions/s1", {"format": "csv"}))] == ["id", "s1"]


def test_a_long_list_is_streamed_whole(voltway: Company) -> None:
    ChargingSession.objects.bulk_create(
        ChargingSession(id=f"s{number:04}", charge_point_id="CP1", received_at=minutes(number // 7))
        for number in range(1203)
    )

    rows = csv_rows(voltway.api().get("sessions", {"format": "csv", "ordering": "received_at"}))

    assert [row[0] for row in rows[1:]] == [f"s{number:04}" for number in range(1203)]


def test_no_cell_is_a_formula(voltway: Company) -> None:
    owner = session("s1", id_tag="=1+1", stop_reason="@SUM(A1)", power_w=-5.5)
    value(owner, 0, {"measurand": "-cmd", "value": -3.5, "unit": "\tW"}, {"measurand": "x", "value": "+A", "unit": ""})
    value(
        owner, 1, {"measurand": "x", "value": "-1e5", "unit": "\rW"}, {"measurand": 'a"b,c\nd', "value": 1, "unit": ""}
    )

    header, row = csv_rows(voltway.api().get("sessions", {"format": "csv"}))
    cells = dict(zip(header, row, strict=True))
    assert cells["id_tag"] == "'=1+1"
    assert cells["stop_reason"] == "'@SUM(A1)"
    assert cells["power_w"] == "-5.5"

    header, *rows = csv_rows(voltway.api().get("sessions/s1/meter-values", {"format": "csv"}))
    found = [dict(zip(header, row, strict=True)) for row in rows]
    assert [(cells["measurand"], cells["value"], cells["unit"]) for cells in found] == [
        ("'-cmd", "-3.5", "'\tW"),
        ("x", "'+A", ""),
        ("x", "-1e5", "'\rW"),
        ('a"b,c\nd', "1", ""),
    ]


def test_an_unknown_format_is_refused(voltway: Company) -> None:
    for path in ("sessions", "chargepoints"):
        problem = assert_problem(voltway.api().get(path, {"format": "xml"}), 406, "not_acceptable")
        assert "json" in problem["detail"]
