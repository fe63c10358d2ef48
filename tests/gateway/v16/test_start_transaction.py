"""StartTransaction (OCPP 1.6 §4.8): always a transaction id and a verdict, and never two sessions for one start."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.gateway.conftest import Connect
from tests.gateway.v16.charging import ago, moment, start, stop
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.serving import Gateway
from tests.station import Station, basic, connect_station


async def test_a_session_begins(station: Station, anna: Operator) -> None:
    answer = await station.assert_replied("StartTransaction", start(anna.issues()))
    assert answer["idTagInfo"] == {"status": "Accepted"}
    assert 0 < answer["transactionId"] < 2**31


@pytest.mark.parametrize(
    "change, code",
    [
        ({"connectorId": "1"}, "TypeConstraintViolation"),
        ({"connectorId": 2**63}, "PropertyConstraintViolation"),
        ({"idTag": "x" * 21}, "PropertyConstraintViolation"),
        ({"idTag": None}, "TypeConstraintViolation"),
        ({"meterStart": 0.5}, "TypeConstraintViolation"),
        ({"meterStart": 2**63}, "PropertyConstraintViolation"),
        ({"meterStart": -(2**63) - 1}, "TypeConstraintViolation"),
        ({"reservationId": 2**63}, "PropertyConstraintViolation"),
        ({"timestamp": "now"}, "PropertyConstraintViolation"),
        ({"more": 1}, "FormationViolation"),
    ],
)
async def test_invalid(station: Station, charger: Installed, anna: Operator, change: Any, code: str) -> None:
    await station.assert_call_error("StartTransaction", start("tag") | change, code)
    assert anna.sessions(charger.identity) == []


@pytest.mark.parametrize("field", ["connectorId", "idTag", "meterStart", "timestamp"])
async def test_incomplete(station: Station, charger: Installed, anna: Operator, field: str) -> None:
    payload = start("tag")
    del payload[field]
    await station.assert_call_error("StartTransaction", payload, "ProtocolError")
    assert anna.sessions(charger.identity) == []


async def test_what_becomes_of_it(station: Station, charger: Installed, anna: Operator, mqtt: Capture) -> None:
    tag = anna.issues()
    payload = start(tag.upper(), connectorId=2, reservationId=77)
    answer = await station.assert_replied("StartTransaction", payload)
    session = anna.only_session(charger.identity)
    expected = {
        "charge_point_id": charger.identity,
        "evse_id": 2,
        "connector_id": 1,
        "transaction_id": answer["transactionId"],
        "id_tag": tag.upper(),
        "token_id": tag.lower(),
        "authorization": "accepted",
        "start_time": moment(payload["timestamp"]),
        "stop_time": None,
        "start_meter_value": 1000,
        "stop_meter_value": None,
        "energy_wh": 0.0,
        "status": "active",
        "stop_reason": "",
        "reservation_id": 77,
        "quality": ["reservation_unknown"],
    }
    assert {name: session[name] for name in expected} == expected
    event = await mqtt.assert_event(charger.identity, "session.started")
    assert event.topic == f"ocpp/events/{anna.slug}/{charger.identity}/session"
    assert event.payload["session_id"] == session["_id"]
    assert event.data["transaction_id"] == answer["transactionId"]
    assert event.data["id_tag"] == tag.upper()
    assert event.data["start_meter_value"] == 1000


async def test_the_same_frame_twice(station: Station, charger: Installed, anna: Operator, mqtt: Capture) -> None:
    payload = start(anna.issues())
    first = await station.call("StartTransaction", payload, "same")
    again = await station.call("StartTransaction", payload, "same")
    assert again.text == first.text
    assert first.payload is not None
    await station.assert_replied("StopTransaction", stop(first.payload["transactionId"]))
    await mqtt.assert_event(charger.identity, "session.stopped")
    assert len(mqtt.of(charger.identity, "session.started")) == 1
    anna.only_session(charger.identity)


async def test_an_id_used_for_something_else_is_refused(station: Station, charger: Installed, anna: Operator) -> None:
    await station.assert_replied("StartTransaction", start(anna.issues()), message_id="same")
    other = start(anna.issues(), connectorId=2)
    await station.assert_call_error("StartTransaction", other, "ProtocolError", message_id="same")
    await station.assert_call_error("Heartbeat", {}, "ProtocolError", message_id="same")
    anna.only_session(charger.identity)


# -- Retries: a station that got no answer asks again, with the same facts --------------------------


async def test_a_retry_with_a_new_id_gets_the_first_answer(
    station: Station, charger: Installed, anna: Operator, mqtt: Capture
) -> None:
    """A fresh check would find the tag busy with this very session, and the station would stop it."""
    payload = start(anna.issues(max_active=1))
    first = await station.assert_replied("StartTransaction", payload)
    for _ in range(2):
        assert await station.assert_replied("StartTransaction", payload) == first
    anna.only_session(charger.identity)
    await station.assert_replied("StopTransaction", stop(first["transactionId"]))
    await mqtt.assert_event(charger.identity, "session.stopped")
    assert len(mqtt.of(charger.identity, "session.started")) == 1


async def test_a_retry_over_a_new_connection_gets_the_first_answer(
    connect: Connect, charger: Installed, anna: Operator
) -> None:
    payload = start(anna.issues(max_active=1))
    lost = await connect(charger)
    await lost.begin("StartTransaction", payload)
    # Whether it was stored before the connection broke or not, there is one session and one answer.
    await lost.drop()
    again = await connect(charger)
    first = await again.assert_replied("StartTransaction", payload)
    once_more = await (await connect(charger)).assert_replied("StartTransaction", payload)
    assert once_more == first
    assert first["idTagInfo"] == {"status": "Accepted"}
    assert anna.only_session(charger.identity)["transaction_id"] == first["transactionId"]


async def test_a_retry_is_recognised_however_its_tag_and_time_are_written(
    station: Station, charger: Installed, anna: Operator
) -> None:
    tag = anna.issues()
    first = await station.assert_replied("StartTransaction", start(tag, timestamp="2026-01-01T10:00:00.000Z"))
    retry = start(tag.upper(), timestamp="2026-01-01T12:00:00+02:00", reservationId=5)
    assert await station.assert_replied("StartTransaction", retry) == first
    anna.only_session(charger.identity)


async def test_a_retry_after_the_tag_was_blocked_gets_the_first_answer(station: Station, anna: Operator) -> None:
    tag = anna.issues()
    payload = start(tag)
    first = await station.assert_replied("StartTransaction", payload)
    anna.issues(tag, status="blocked")
    assert await station.assert_replied("StartTransaction", payload) == first


async def test_a_retry_after_the_end_does_not_begin_again(station: Station, charger: Installed, anna: Operator) -> None:
    payload = start(anna.issues())
    first = await station.assert_replied("StartTransaction", payload)
    await station.assert_replied("StopTransaction", stop(first["transactionId"]))
    assert await station.assert_replied("StartTransaction", payload) == first
    assert anna.only_session(charger.identity)["status"] == "completed"


@pytest.mark.parametrize(
    "change",
    [{"connectorId": 2}, {"meterStart": 1001}, {"timestamp": "2026-01-01T00:00:00Z"}, {"idTag": "another"}],
    ids=["connector", "meter", "time", "tag"],
)
async def test_another_start_is_another_session(
    station: Station, charger: Installed, anna: Operator, change: Any
) -> None:
    payload = start(anna.issues(max_active=None))
    first = await station.assert_replied("StartTransaction", payload)
    second = await station.assert_replied("StartTransaction", payload | change)
    assert second["transactionId"] != first["transactionId"]
    assert len(anna.sessions(charger.identity)) == 2


async def test_the_same_facts_at_another_station_are_another_session(
    connect: Connect, anna: Operator, boris: Operator
) -> None:
    payload = start("anybody")
    answers = [
        await (await connect(charger)).assert_replied("StartTransaction", payload)
        for charger in (anna.installs(), anna.installs(), boris.installs())
    ]
    assert answers[0]["transactionId"] != answers[1]["transactionId"], "ids are unique in a tenant"


# -- The tag -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "token, verdict",
    [
        (None, "Invalid"),
        ({"status": "blocked"}, "Blocked"),
        ({"status": "expired"}, "Expired"),
        ({"status": "invalid"}, "Invalid"),
        ({"expires_at": datetime(2026, 1, 1, tzinfo=UTC)}, "Expired"),
    ],
    ids=str,
)
async def test_a_bad_tag_gets_an_id_all_the_same(
    station: Station, charger: Installed, anna: Operator, token: Any, verdict: str
) -> None:
    """The energy flows already: the session is stored, and the station ends it by itself."""
    tag = "unknown" if token is None else anna.issues(**token)
    answer = await station.assert_replied("StartTransaction", start(tag))
    assert answer["idTagInfo"]["status"] == verdict
    session = anna.only_session(charger.identity)
    assert session["transaction_id"] == answer["transactionId"]
    assert session["authorization"] == verdict.lower()


async def test_a_tag_charges_once_at_a_time(connect: Connect, anna: Operator) -> None:
    tag = anna.issues(max_active=1)
    here, there = await connect(anna.installs()), await connect(anna.installs())
    first = await here.assert_replied("StartTransaction", start(tag))
    second = await there.assert_replied("StartTransaction", start(tag.upper()))
    assert first["idTagInfo"]["status"] == "Accepted"
    assert second["idTagInfo"]["status"] == "ConcurrentTx"
    await here.assert_replied("StopTransaction", stop(first["transactionId"]))
    await there.assert_replied("StopTransaction", stop(second["transactionId"]))
    third = await there.assert_replied("StartTransaction", start(tag, meterStart=2000))
    assert third["idTagInfo"]["status"] == "Accepted"


async def test_a_fleet_card_charges_as_often_as_it_may(station: Station, anna: Operator) -> None:
    tag, unlimited = anna.issues(max_active=2), anna.issues(max_active=None)
    verdicts = [
        (await station.assert_replied("StartTransaction", start(tag, connectorId=n)))["idTagInfo"]["status"]
        for n in (1, 2, 3)
    ]
    assert verdicts == ["Accepted", "Accepted", "ConcurrentTx"]
    for n in (4, 5, 6):
        answer = await station.assert_replied("StartTransaction", start(unlimited, connectorId=n))
        assert answer["idTagInfo"]["status"] == "Accepted"


@pytest.mark.parametrize("limit", [1, 3])
async def test_a_tag_at_many_stations_at_the_same_moment(
    connect: Connect, gateways: dict[str, Gateway], anna: Operator, limit: int
) -> None:
    """Half of the stations are held by one instance, half by another: no process sees all the starts."""
    tag = anna.issues(max_active=limit)
    stations = []
    for number in range(12):
        charger = anna.installs()
        url = gateways["daphne" if number % 2 else "uvicorn"].url + charger.path
        station = await connect_station(url, charger.identity, basic(charger.identity, charger.key))
        stations.append(station)
    for meter in (1000, 2000, 3000):
        payload = start(tag, meterStart=meter)
        answers = await asyncio.gather(*(one.assert_replied("StartTransaction", payload) for one in stations))
        verdicts = [answer["idTagInfo"]["status"] for answer in answers]
        assert verdicts.count("Accepted") == limit, verdicts
        assert verdicts.count("ConcurrentTx") == len(stations) - limit, verdicts
        for one, answer in zip(stations, answers, strict=True):
            await one.assert_replied("StopTransaction", stop(answer["transactionId"]))
    for one in stations:
        await one.socket.close()


# -- A stop that never came -------------------------------------------------------------------------


async def test_the_next_start_at_a_connector_ends_what_ran_there(
    station: Station, charger: Installed, anna: Operator, mqtt: Capture
) -> None:
    """Its stop is lost for good; the driver's tag is not busy for ever, and nobody waits for the end."""
    tag = anna.issues(max_active=1)
    payload = start(tag, timestamp=ago(hours=2))
    first = await station.assert_replied("StartTransaction", payload)
    second = await station.assert_replied("StartTransaction", start(tag, meterStart=4000))
    assert second["idTagInfo"]["status"] == "Accepted"
    lost, running = anna.sessions(charger.identity)
    assert (lost["status"], lost["stop_reason"], lost["stop_time"]) == ("faulted", "superseded", None)
    assert (running["status"], running["transaction_id"]) == ("active", second["transactionId"])
    event = await mqtt.assert_event(charger.identity, "session.faulted", transaction_id=first["transactionId"])
    assert event.payload["session_id"] == lost["_id"]
    await mqtt.assert_event(charger.identity, "session.started", 2)
    mqtt.assert_in_order(charger.identity)
    # A copy of its start changes nothing.
    assert await station.assert_replied("StartTransaction", payload) == first
    assert [one["status"] for one in anna.sessions(charger.identity)] == ["faulted", "active"]


async def test_a_stop_that_comes_after_the_next_start_counts_all_the_same(
    station: Station, charger: Installed, anna: Operator, mqtt: Capture
) -> None:
    first = await station.assert_replied("StartTransaction", start(anna.issues(), timestamp=ago(hours=2)))
    await station.assert_replied("StartTransaction", start(anna.issues()))
    await station.assert_replied("StopTransaction", stop(first["transactionId"], timestamp=ago(hours=1)))
    ended, running = anna.sessions(charger.identity)
    assert (ended["status"], ended["energy_wh"], ended["stop_reason"]) == ("completed", 5000, "local")
    assert running["status"] == "active"
    await mqtt.assert_event(charger.identity, "session.stopped", transaction_id=first["transactionId"])


@pytest.mark.parametrize(
    "connectors, second",
    [((1, 2), 0.1), ((1, 1), 3), ((0, 0), 0.1)],
    ids=["another connector", "an older start", "no connector"],
)
async def test_other_starts_leave_a_session_alone(
    station: Station, charger: Installed, anna: Operator, connectors: tuple[int, int], second: float
) -> None:
    for connector, hours in zip(connectors, (2, second), strict=True):
        payload = start(anna.issues(), connectorId=connector, timestamp=ago(hours=hours))
        await station.assert_replied("StartTransaction", payload)
    assert [one["status"] for one in anna.sessions(charger.identity)] == ["active", "active"]


async def test_another_tenants_sessions_do_not_count(connect: Connect, anna: Operator, boris: Operator) -> None:
    tag = anna.issues(max_active=1)
    boris.issues(tag, max_active=1)
    for charger in (anna.installs(), boris.installs()):
        answer = await (await connect(charger)).assert_replied("StartTransaction", start(tag))
        assert answer["idTagInfo"]["status"] == "Accepted"


async def test_the_group_of_a_tag_is_told(station: Station, anna: Operator) -> None:
    answer = await station.assert_replied("StartTransaction", start(anna.issues(parent_id_tag="FAMILY")))
    assert answer["idTagInfo"] == {"status": "Accepted", "parentIdTag": "FAMILY"}


# -- Doubts are flagged, never a reason to refuse ---------------------------------------------------


@pytest.mark.parametrize(
    "minutes_ago, flags",
    [(0, []), (4, []), (-9, []), (6, ["late"]), (60 * 24 * 30, ["late"]), (-11, ["clock_suspect"])],
)
async def test_late_and_early_times(
    station: Station, charger: Installed, anna: Operator, minutes_ago: int, flags: list[str]
) -> None:
    payload = start(anna.issues(), timestamp=ago(minutes=minutes_ago))
    answer = await station.assert_replied("StartTransaction", payload)
    assert answer["idTagInfo"]["status"] == "Accepted"
    assert anna.only_session(charger.identity)["quality"] == flags


@pytest.mark.parametrize("year", ["0001", "1970", "2000", "2019", "2099", "9999"])
async def test_times_of_a_clock_that_is_not_set(
    station: Station, charger: Installed, anna: Operator, year: str
) -> None:
    timestamp = f"{year}-12-31T23:59:59Z"
    await station.assert_replied("StartTransaction", start(anna.issues(), timestamp=timestamp))
    session = anna.only_session(charger.identity)
    assert session["quality"] == ["clock_suspect"]
    assert session["start_time"] == moment(timestamp)


@pytest.mark.parametrize(
    "change",
    [
        {"connectorId": 0},
        {"connectorId": -1},
        {"connectorId": 2**62},
        {"meterStart": -1},
        {"meterStart": 2**63 - 1},
        {"meterStart": -(2**63)},
        {"reservationId": -1},
        {"idTag": ""},
        {"idTag": "a\0b"},
    ],
    ids=str,
)
async def test_odd_values_are_kept(station: Station, charger: Installed, anna: Operator, change: Any) -> None:
    answer = await station.assert_replied("StartTransaction", start(anna.issues()) | change)
    assert answer["transactionId"] > 0
    anna.only_session(charger.identity)


async def test_ids_of_many_stations_at_once_are_never_the_same(connect: Connect, anna: Operator) -> None:
    stations = [await connect(anna.installs()) for _ in range(8)]

    async def charge(station: Station) -> list[int]:
        answers = [await station.assert_replied("StartTransaction", start("anybody", meterStart=n)) for n in range(5)]
        return [answer["transactionId"] for answer in answers]

    given = await asyncio.gather(*map(charge, stations))
    assert len({transaction for ids in given for transaction in ids}) == 40
