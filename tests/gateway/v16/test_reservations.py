"""Reservations, driven through REST alone: the station's five answers, use, expiry, cancellation (OCPP 1.6 §5.13)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.gateway.commanded import Asked, asked, notify
from tests.gateway.conftest import Connect
from tests.gateway.rest_caller import RestCaller, path_of, rest_of
from tests.gateway.v16.charging import ago, start
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.serving import Gateway
from tests.station import Station


@pytest.fixture
def rest(anna: Operator, gateway: Gateway) -> RestCaller:
    return rest_of(anna, gateway)


def until(**ahead: float) -> str:
    """Return a time ahead of now, as the API takes it."""
    moment = datetime.now(UTC) + timedelta(**(ahead or {"hours": 1}))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def wish(charger: Installed, tag: str, **changes: Any) -> dict[str, Any]:
    """Return the body that reserves connector 1 for an hour."""
    return {"charge_point_id": charger.identity, "evse_id": 1, "id_tag": tag, "expires_at": until()} | changes


async def reserve(rest: RestCaller, station: Station, body: dict[str, Any]) -> tuple[dict[str, Any], Asked]:
    """Reserve over REST; return the reservation and what the station is asked."""
    reservation = await rest.post("reservations", body)
    assert reservation["state"] == "requested"
    return reservation, await asked(station, "ReserveNow")


async def reserved(rest: RestCaller, station: Station, mqtt: Capture, body: dict[str, Any]) -> dict[str, Any]:
    """Return a reservation that the station has agreed to."""
    reservation, call = await reserve(rest, station, body)
    await call.answer(status="Accepted")
    await mqtt.assert_event(station.identity, "reservation.active", reservation_id=reservation["reservation_id"])
    return reservation


async def read(rest: RestCaller, reservation: dict[str, Any]) -> Any:
    return await rest.get(path_of("reservations", reservation["id"]))


async def test_reserved_and_started_locally(
    station: Station, charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture
) -> None:
    tag = anna.issues(parent_id_tag="FAMILY")
    body = wish(charger, tag)
    reservation, call = await reserve(rest, station, body)
    number = reservation["reservation_id"]
    assert call.payload == {
        "connectorId": 1,
        "expiryDate": body["expires_at"],
        "idTag": tag,
        "parentIdTag": "FAMILY",
        "reservationId": number,
    }
    await call.answer(status="Accepted")
    event = await mqtt.assert_event(charger.identity, "reservation.active", reservation_id=number)
    assert event.topic == f"ocpp/events/{anna.slug}/{charger.identity}/reservation"
    assert (event.data["evse_id"], event.data["id_tag"], event.data["answer"]) == (1, tag, "accepted")

    await notify(station, "Reserved")
    await notify(station, "Preparing")
    answer = await station.assert_replied("StartTransaction", start(tag, reservationId=number))
    assert answer["idTagInfo"] == {"status": "Accepted", "parentIdTag": "FAMILY"}

    session = anna.only_session(charger.identity)
    used = await mqtt.assert_event(charger.identity, "reservation.used", reservation_id=number)
    assert used.payload["session_id"] == session["_id"]
    assert (session["reservation_id"], session["quality"]) == (number, [])
    stored = await read(rest, reservation)
    assert (stored["state"], stored["session_id"], stored["answer"]) == ("used", session["_id"], "accepted")


@pytest.mark.parametrize("evse_id, who", [(1, "the tag"), (0, "the tag"), (1, "its group")])
async def test_a_start_that_does_not_name_it_uses_it_too(
    *, station: Station, charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture, evse_id: int, who: str
) -> None:
    """Some stations leave the number out; the connector would stay reserved until the time is over."""
    tag, other = anna.issues(parent_id_tag="FAMILY"), anna.issues(parent_id_tag="family")
    reservation = await reserved(rest, station, mqtt, wish(charger, tag, evse_id=evse_id))
    await station.assert_replied("StartTransaction", start(other if who == "its group" else tag))
    used = await mqtt.assert_event(charger.identity, "reservation.used", reservation_id=reservation["reservation_id"])
    session = anna.only_session(charger.identity)
    assert (used.payload["session_id"], session["quality"]) == (session["_id"], [])
    assert (await read(rest, reservation))["state"] == "used"


@pytest.mark.parametrize("change", ["tag", "connector", "time"])
async def test_a_start_of_somebody_else_or_elsewhere_or_before_does_not(
    *, station: Station, charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture, change: str
) -> None:
    tag = anna.issues(max_active=None)
    reservation = await reserved(rest, station, mqtt, wish(charger, tag))
    changes: dict[str, dict[str, Any]] = {
        "tag": {"idTag": anna.issues()},
        "connector": {"connectorId": 2},
        "time": {"timestamp": ago(minutes=30)},
    }
    await station.assert_replied("StartTransaction", start(tag) | changes[change])
    await mqtt.assert_event(charger.identity, "session.started")
    assert (await read(rest, reservation))["state"] == "active"


async def test_a_retried_start_uses_it_once(
    station: Station, charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture
) -> None:
    tag = anna.issues()
    reservation = await reserved(rest, station, mqtt, wish(charger, tag))
    payload = start(tag, reservationId=reservation["reservation_id"])
    first = await station.assert_replied("StartTransaction", payload)
    await station.assert_replied("StartTransaction", payload, first)
    await notify(station, "Charging")
    await mqtt.assert_event(charger.identity, "connector.status_changed", status="charging")
    assert len(mqtt.of(charger.identity, "reservation.used")) == 1


@pytest.mark.parametrize("answer", ["Faulted", "Occupied", "Rejected", "Unavailable"])
async def test_the_station_refuses(
    *, station: Station, charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture, answer: str
) -> None:
    tag = anna.issues()
    reservation, call = await reserve(rest, station, wish(charger, tag))
    await call.answer(status=answer)
    await mqtt.assert_event(charger.identity, "reservation.refused", answer=answer.lower())
    stored = await read(rest, reservation)
    assert (stored["state"], stored["answer"]) == ("refused", answer.lower())
    command = await rest.get(path_of("commands", stored["command_id"]))
    assert (command["state"], command["response"]) == ("rejected", {"status": answer})
    # The connector is free for the next one.
    await reserve(rest, station, wish(charger, tag))


async def test_a_station_that_cannot_reserve(
    station: Station, charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture
) -> None:
    reservation, call = await reserve(rest, station, wish(charger, anna.issues()))
    await call.refuse("NotSupported")
    await mqtt.assert_event(charger.identity, "reservation.failed", end_reason="NotSupported")
    assert (await read(rest, reservation))["state"] == "failed"


async def test_it_expires_and_the_station_says_so(
    station: Station, charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture
) -> None:
    reservation = await reserved(rest, station, mqtt, wish(charger, anna.issues(), expires_at=until(seconds=30)))
    await notify(station, "Reserved")
    await notify(station, "Available")
    await mqtt.assert_event(charger.identity, "reservation.expired", reservation_id=reservation["reservation_id"])
    assert (await read(rest, reservation))["state"] == "expired"


async def test_it_expires_although_nobody_says_so(
    station: Station, charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture
) -> None:
    tag = anna.issues()
    reservation = await reserved(rest, station, mqtt, wish(charger, tag, expires_at=until(seconds=1)))
    await mqtt.assert_event(charger.identity, "reservation.expired", reservation_id=reservation["reservation_id"])
    await station.assert_silent()
    # A start in time that comes late has used it all the same.
    payload = start(tag, reservationId=reservation["reservation_id"])
    await station.assert_replied("StartTransaction", payload)
    await mqtt.assert_event(charger.identity, "reservation.used")


async def test_it_expires_while_the_station_is_offline(
    station: Station, charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture
) -> None:
    reservation = await reserved(rest, station, mqtt, wish(charger, anna.issues(), expires_at=until(seconds=2)))
    await station.drop()
    await mqtt.assert_event(charger.identity, "charge_point.disconnected")
    await mqtt.assert_event(charger.identity, "reservation.expired", reservation_id=reservation["reservation_id"])
    assert (await read(rest, reservation))["state"] == "expired"
    mqtt.assert_in_order(charger.identity)


async def test_any_connector_of_the_station(
    station: Station, charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture
) -> None:
    tag = anna.issues()
    reservation, call = await reserve(rest, station, wish(charger, tag, evse_id=0))
    assert call.payload["connectorId"] == 0
    await call.answer(status="Accepted")
    await mqtt.assert_event(charger.identity, "reservation.active", evse_id=0)
    payload = start(tag, connectorId=2, reservationId=reservation["reservation_id"])
    await station.assert_replied("StartTransaction", payload)
    await mqtt.assert_event(charger.identity, "reservation.used", evse_id=0)
    assert (await read(rest, reservation))["session_id"] == anna.only_session(charger.identity)["_id"]


async def test_cancelled(station: Station, charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture) -> None:
    reservation = await reserved(rest, station, mqtt, wish(charger, anna.issues()))
    await notify(station, "Reserved")
    answer = await rest.post(path_of("reservations", reservation["id"]) + "/cancel")
    assert answer["state"] == "active", "until the station has answered"
    call = await asked(station, "CancelReservation")
    assert call.payload == {"reservationId": reservation["reservation_id"]}
    await call.answer(status="Accepted")
    await notify(station, "Available")
    await mqtt.assert_event(charger.identity, "reservation.cancelled", end_reason="requested")
    stored = await read(rest, reservation)
    assert (stored["state"], stored["end_reason"]) == ("cancelled", "requested")
    await mqtt.assert_event(charger.identity, "connector.status_changed", status="available")
    assert len(mqtt.of(charger.identity, "reservation.cancelled")) == 1, "its end is told once"
    refused = await rest.send("POST", path_of("reservations", reservation["id"]) + "/cancel")
    assert (refused.status, refused.body["code"]) == (409, "reservation_ended")


async def test_cancelling_what_the_station_does_not_know(
    station: Station, charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture
) -> None:
    reservation = await reserved(rest, station, mqtt, wish(charger, anna.issues()))
    await rest.post(path_of("reservations", reservation["id"]) + "/cancel")
    await (await asked(station, "CancelReservation")).answer(status="Rejected")
    await mqtt.assert_event(charger.identity, "reservation.cancelled", end_reason="unknown_to_station")
    stored = await read(rest, reservation)
    assert (stored["state"], stored["end_reason"]) == ("cancelled", "unknown_to_station")


async def test_what_was_never_answered_can_be_cancelled_all_the_same(
    station: Station, charger: Installed, anna: Operator, rest: RestCaller, *, mqtt: Capture, connect: Connect
) -> None:
    reservation, _ = await reserve(rest, station, wish(charger, anna.issues()))
    await station.drop()
    await mqtt.assert_event(charger.identity, "reservation.failed", end_reason="ConnectionLost")
    assert (await read(rest, reservation))["state"] == "failed"
    await rest.post(path_of("reservations", reservation["id"]) + "/cancel")
    again = await connect(charger)
    call = await asked(again, "CancelReservation")
    assert call.payload == {"reservationId": reservation["reservation_id"]}
    await call.answer(status="Accepted")
    await mqtt.assert_event(charger.identity, "reservation.cancelled", end_reason="requested")
    assert (await read(rest, reservation))["state"] == "cancelled"


async def test_a_station_that_keeps_named_connectors_only(charger: Installed, anna: Operator, rest: RestCaller) -> None:
    known = {"ReserveConnectorZeroSupported": {"value": "False", "readonly": True, "read_at": None}}
    anna.db["charge_points"].update_one({"_id": charger.identity}, {"$set": {"configuration": known}})
    reply = await rest.send("POST", "reservations", wish(charger, anna.issues(), evse_id=0))
    assert reply.status == 400
    assert "ReserveConnectorZeroSupported" in str(reply.body)
    assert (await rest.get(f"reservations?charge_point_id={charger.identity}"))["results"] == []


async def test_used_by_another_member_of_the_group(
    station: Station, charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture
) -> None:
    owner, child = anna.issues(parent_id_tag="Family"), anna.issues(parent_id_tag="FAMILY")
    reservation = await reserved(rest, station, mqtt, wish(charger, owner))
    answer = await station.assert_replied("Authorize", {"idTag": child})
    assert answer["idTagInfo"] == {"status": "Accepted", "parentIdTag": "FAMILY"}
    await station.assert_replied("StartTransaction", start(child, reservationId=reservation["reservation_id"]))
    await mqtt.assert_event(charger.identity, "reservation.used")
    assert anna.only_session(charger.identity)["quality"] == []


async def test_used_by_somebody_else_is_flagged(
    station: Station, charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture
) -> None:
    reservation = await reserved(rest, station, mqtt, wish(charger, anna.issues()))
    await station.assert_replied("StartTransaction", start(anna.issues(), reservationId=reservation["reservation_id"]))
    await mqtt.assert_event(charger.identity, "reservation.used")
    assert anna.only_session(charger.identity)["quality"] == ["reservation_of_other"]


async def test_a_station_cannot_use_another_ones_reservation(
    *, station: Station, charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture, connect: Connect
) -> None:
    reservation = await reserved(rest, station, mqtt, wish(charger, anna.issues()))
    other = await connect(anna.installs())
    await other.assert_replied("StartTransaction", start(anna.issues(), reservationId=reservation["reservation_id"]))
    assert anna.only_session(other.identity)["quality"] == ["reservation_unknown"]
    assert (await read(rest, reservation))["state"] == "active"


@pytest.mark.parametrize("status", ["Faulted", "Unavailable"])
@pytest.mark.parametrize("connector", [0, 1])
async def test_a_connector_that_fails_ends_it(
    *,
    station: Station,
    charger: Installed,
    anna: Operator,
    rest: RestCaller,
    mqtt: Capture,
    status: str,
    connector: int,
) -> None:
    reservation = await reserved(rest, station, mqtt, wish(charger, anna.issues()))
    await notify(station, "Reserved")
    await notify(station, status, connector)
    what = f"connector_{status.lower()}" if connector else f"station_{status.lower()}"
    await mqtt.assert_event(charger.identity, "reservation.cancelled", end_reason=what)
    assert (await read(rest, reservation))["end_reason"] == what


async def test_a_station_that_frees_the_connector_early(
    station: Station, charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture
) -> None:
    reservation = await reserved(rest, station, mqtt, wish(charger, anna.issues()))
    await notify(station, "Reserved")
    await notify(station, "Available")
    await mqtt.assert_event(charger.identity, "reservation.cancelled", end_reason="released_by_station")
    assert (await read(rest, reservation))["state"] == "cancelled"


async def test_of_many_who_ask_one_gets_the_connector(
    station: Station, charger: Installed, anna: Operator, rest: RestCaller
) -> None:
    body = wish(charger, anna.issues())
    replies = await asyncio.gather(*(rest.send("POST", "reservations", body) for _ in range(8)))
    assert sorted(reply.status for reply in replies) == [202] + [409] * 7
    assert {reply.body["code"] for reply in replies if reply.status == 409} == {"connector_reserved"}
    await asked(station, "ReserveNow")
    await station.assert_silent()


async def test_nothing_is_reserved_at_an_offline_station_whose_tenant_keeps_no_commands(
    global_database: None, gateway: Gateway
) -> None:
    carla = Operator.founding("carla", queue_enabled=False)
    rest, charger = rest_of(carla, gateway), carla.installs()
    reply = await rest.send("POST", "reservations", wish(charger, carla.issues()))
    assert (reply.status, reply.body["code"]) == (409, "station_offline")
    assert (await rest.get("reservations"))["results"] == []


async def test_a_request_that_waits_for_its_station_can_be_taken_back(
    charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture, connect: Connect
) -> None:
    reservation = await rest.post("reservations", wish(charger, anna.issues()))
    await rest.post(path_of("reservations", reservation["id"]) + "/cancel")
    await mqtt.assert_event(charger.identity, "reservation.cancelled", end_reason="never_sent")
    assert (await read(rest, reservation))["state"] == "cancelled"
    await (await connect(charger)).assert_silent()


async def test_who_may_not_charge_cannot_reserve(charger: Installed, anna: Operator, rest: RestCaller) -> None:
    for tag in ("nobody", anna.issues(status="blocked"), anna.issues(expires_at=datetime(2025, 1, 1, tzinfo=UTC))):
        reply = await rest.send("POST", "reservations", wish(charger, tag))
        assert reply.status == 400
        assert "id_tag" in reply.body["errors"]


async def test_bad_wishes(
    station: Station, charger: Installed, anna: Operator, rest: RestCaller, boris: Operator
) -> None:
    tag = anna.issues()
    await notify(station, "Available")
    for changes in (
        {"expires_at": until(seconds=-5)},
        {"expires_at": "tomorrow"},
        {"evse_id": 7},
        {"evse_id": -1},
        {"id_tag": "x" * 21},
        {"colour": "red"},
    ):
        assert (await rest.send("POST", "reservations", wish(charger, tag, **changes))).status == 400
    theirs = wish(boris.installs(), tag)
    assert (await rest.send("POST", "reservations", theirs)).status == 404
    await station.assert_silent()


async def test_another_tenant_sees_nothing(
    *,
    station: Station,
    charger: Installed,
    anna: Operator,
    rest: RestCaller,
    mqtt: Capture,
    boris: Operator,
    gateway: Gateway,
) -> None:
    reservation = await reserved(rest, station, mqtt, wish(charger, anna.issues()))
    theirs = rest_of(boris, gateway)
    path = path_of("reservations", reservation["id"])
    assert (await theirs.send("GET", path)).status == 404
    assert (await theirs.send("POST", f"{path}/cancel")).status == 404
    assert (await theirs.get("reservations"))["results"] == []
    viewer = rest_of(anna, gateway, "viewer")
    assert (await viewer.get(f"reservations?charge_point_id={charger.identity}"))["results"][0]["state"] == "active"
    assert (await viewer.send("POST", f"{path}/cancel")).status == 403


async def test_a_command_to_reserve_leaves_a_reservation_too(
    station: Station, charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture
) -> None:
    tag = anna.issues()
    body = {"reservation_id": 900_000, "evse_id": 2, "id_tag": tag, "expires_at": until()}
    await rest.post(f"chargepoints/{charger.identity}/reserve", body)
    await (await asked(station, "ReserveNow")).answer(status="Accepted")
    await mqtt.assert_event(charger.identity, "reservation.active", reservation_id=900_000)
    stored = await rest.get(path_of("reservations", f"{charger.identity}:900000"))
    assert (stored["state"], stored["evse_id"], stored["id_tag"]) == ("active", 2, tag)
