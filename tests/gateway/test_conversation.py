"""What holds for every frame, whatever its message: answers, order, repetition, garbage, the end of a socket."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocpp_gateway.protocol.schemas import known_actions
from ocpp_gateway.protocol.versions import OcppVersion
from ocpp_gateway.router import HANDLERS
from tests.gateway.conftest import Connect
from tests.held import held
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.serving import Gateway
from tests.station import Station, basic, connect_station

STATUS = {"connectorId": 0, "errorCode": "NoError", "status": "Available"}


@pytest.fixture
async def wired(each_gateway: Gateway, charger: Installed) -> Any:
    """A socket of `charger` to each of the two servers."""
    url = each_gateway.url + charger.path
    async with await connect_station(url, charger.identity, basic(charger.identity, charger.key)) as station:
        yield station


# -- Actions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["Nonsense", "heartbeat", "HEARTBEAT", "", "Heartbeat ", "x" * 5000, "__init__"])
async def test_an_action_that_does_not_exist(station: Station, action: str) -> None:
    await station.assert_call_error(action, {}, "NotImplemented")


async def test_an_action_of_another_version(station: Station) -> None:
    for action in ("TransactionEvent", "NotifyReport", "SecurityEventNotificationRequest", "HeartbeatResponse"):
        await station.assert_call_error(action, {}, "NotImplemented")


@pytest.mark.parametrize("action", sorted(known_actions(OcppVersion.V16) - set(HANDLERS[OcppVersion.V16])))
async def test_an_action_that_we_send_or_do_not_serve(station: Station, action: str) -> None:
    await station.assert_call_error(action, {}, "NotSupported")


# -- Order ---------------------------------------------------------------------------------------


async def test_fifty_calls_without_waiting_are_answered_in_order(
    station: Station, charger: Installed, anna: Operator
) -> None:
    """A few need the database and the others nothing, and still none overtakes another."""
    sent = []
    for number in range(50):
        if number % 3:
            sent.append(await station.begin("Heartbeat", {}))
        else:
            sent.append(await station.begin("StatusNotification", {**STATUS, "info": f"number {number}"}))
    answers = [await station.answer() for _ in range(50)]
    assert [answer.message_id for answer in answers] == sent
    assert all(answer.payload is not None for answer in answers)


async def test_states_are_stored_and_announced_in_the_order_in_which_they_came(
    station: Station, charger: Installed, anna: Operator, mqtt: Capture
) -> None:
    for number in range(40):
        status = "Charging" if number % 2 else "Preparing"
        await station.begin("StatusNotification", {**STATUS, "connectorId": 1, "status": status, "info": str(number)})
    for _ in range(40):
        assert (await station.answer()).payload == {}
    assert anna.connectors(charger.identity)[0]["info"] == "39"
    await mqtt.assert_event(charger.identity, "connector.status_changed", info="39")
    infos = [event.data["info"] for event in mqtt.of(charger.identity, "connector.status_changed")]
    assert infos == [str(number) for number in range(40)]
    mqtt.assert_in_order(charger.identity)


async def test_while_the_database_cannot_write_nothing_is_answered_and_nothing_lost(
    station: Station, charger: Installed, anna: Operator
) -> None:
    """Another transaction holds the station's document, so its first frame waits, and all behind it."""
    with held(anna, charger):
        sent = [await station.begin("StatusNotification", STATUS)]
        # More than the gateway reads ahead: the rest waits in the network.
        big = {"vendorId": "v", "data": "x" * 10_000}
        sent += [await station.begin("DataTransfer", big) for _ in range(100)]
        await station.assert_silent()
    answers = [await station.answer() for _ in sent]
    assert [answer.message_id for answer in answers] == sent
    assert anna.charge_point(charger.identity)["status"] == "available"


async def test_a_station_that_waits_holds_up_nobody_else(
    connect: Connect, station: Station, charger: Installed, anna: Operator
) -> None:
    neighbour = await connect(anna.installs())
    with held(anna, charger):
        await station.begin("StatusNotification", STATUS)
        for _ in range(5):
            await neighbour.assert_replied("Heartbeat")
            await neighbour.assert_replied("StatusNotification", {**STATUS, "connectorId": 1}, {})
    assert (await station.answer()).payload == {}


# -- Repetition ----------------------------------------------------------------------------------


async def test_a_refusal_is_repeated_too(station: Station) -> None:
    first = await station.call("Nonsense", {"a": 1}, "same")
    again = await station.call("Nonsense", {"a": 1}, "same")
    assert (first.code, again.text) == ("NotImplemented", first.text)


async def test_a_frame_repeated_before_its_answer_is_served_once(
    station: Station, charger: Installed, mqtt: Capture
) -> None:
    for _ in range(3):
        await station.begin("StatusNotification", {**STATUS, "connectorId": 1}, "same")
    texts = {(await station.answer()).text for _ in range(3)}
    assert texts == {'[3,"same",{}]'}
    await station.assert_replied("Authorize", {"idTag": "marker"})
    await mqtt.assert_event(charger.identity, "session.authorized")
    assert len(mqtt.of(charger.identity, "connector.status_changed")) == 1


async def test_the_ids_of_two_stations_have_nothing_to_do_with_each_other(connect: Connect, anna: Operator) -> None:
    for _ in range(2):
        station = await connect(anna.installs())
        await station.assert_replied("Authorize", {"idTag": station.identity[-3:]}, message_id="1")


async def test_an_id_may_come_again_over_a_new_connection(connect: Connect, charger: Installed) -> None:
    await (await connect(charger)).assert_replied("Heartbeat", message_id="1")
    await (await connect(charger)).assert_replied("Authorize", {"idTag": "a"}, message_id="1")


@pytest.mark.parametrize("message_id", ["a", "ä😀\u202e", '\\"\n\0', " ", "-1", "x" * 255, "$where", "<b>"])
async def test_the_id_comes_back_to_the_letter(station: Station, message_id: str) -> None:
    await station.assert_replied("Heartbeat", message_id=message_id)
    await station.assert_call_error("Nonsense", {}, "NotImplemented", message_id="!" + message_id[1:])


# -- What is no CALL -----------------------------------------------------------------------------


async def test_garbage_is_answered_and_ends_the_socket_when_it_goes_on(wired: Station) -> None:
    for text in ("hello", "{}", "[" * 100_000, '[2,"x","Heartbeat",{"a":NaN}]'):
        await wired.assert_text_refused(text, "-1", "FormationViolation")
    await wired.send("[]")
    answer = await wired.answer()
    assert answer.code == "FormationViolation"
    assert await wired.closed() == 1002


async def test_garbage_now_and_then_is_forgiven(station: Station) -> None:
    for _ in range(4):
        for _ in range(4):
            await station.assert_text_refused("garbage", "-1", "FormationViolation")
        await station.assert_replied("Heartbeat")


async def test_garbage_among_calls_harms_none_of_them(station: Station, charger: Installed, anna: Operator) -> None:
    sent = [await station.begin("StatusNotification", {**STATUS, "connectorId": 1})]
    await station.send("garbage")
    sent.append(await station.begin("StatusNotification", {**STATUS, "connectorId": 2}))
    answers = [await station.answer() for _ in range(3)]
    assert sorted(answer.message_id for answer in answers) == sorted([*sent, "-1"])
    assert len(anna.connectors(charger.identity)) == 2


@pytest.mark.parametrize(
    "text",
    [
        '[3,"unknown",{}]',
        '[3,"unknown",{"status":"Accepted"}]',
        '[4,"unknown","InternalError","",{}]',
        '[3,"unknown"]',
        "[3,1,{}]",
        '[4,"unknown"]',
        f'[4,"x",{"[" * 1000}{"]" * 1000}]',
        '[1,"x"]',
        '[5,"x",{}]',
        '[6,"x","NotifyReport",{}]',
        '[2.0,"x","Heartbeat",{}]',
        '[true,"x","Heartbeat",{}]',
        '["2","x","Heartbeat",{}]',
    ],
    ids=lambda text: text[:30],
)
async def test_answers_to_nothing_and_unknown_types_are_ignored(station: Station, text: str) -> None:
    await station.send(text)
    await station.assert_replied("Heartbeat")


async def test_answers_to_nothing_do_not_end_the_socket(station: Station) -> None:
    for _ in range(20):
        await station.send('[3,"unknown",{}]')
    await station.assert_replied("Heartbeat")


async def test_malformed_answers_that_go_on_end_the_socket(station: Station) -> None:
    for _ in range(5):
        await station.send('[3,"unknown"]')
    assert await station.closed() == 1002


async def test_deep_payloads_are_refused(station: Station) -> None:
    for depth in (200, 300, 1000):
        deep = "[" * depth + "]" * depth
        await station.send(f'[2,"deep{depth}","DataTransfer",{{"vendorId":"v","data":{deep}}}]')
        assert (await station.answer()).code in ("TypeConstraintViolation", "FormationViolation")
    await station.assert_replied("Heartbeat")


# -- The end of a socket -------------------------------------------------------------------------


async def test_a_binary_message_ends_the_socket(wired: Station) -> None:
    await wired.socket.send(b'[2,"1","Heartbeat",{}]')
    assert await wired.closed() == 1003


async def test_a_message_that_is_too_big_ends_the_socket(wired: Station, charger: Installed, anna: Operator) -> None:
    await wired.send(json.dumps([2, "1", "DataTransfer", {"vendorId": "v", "data": "x" * (1024 * 1024)}]))
    assert await wired.closed() == 1009


async def test_a_message_of_just_the_limit_is_read(wired: Station) -> None:
    frame = json.dumps([2, "1", "DataTransfer", {"vendorId": "v", "data": ""}])
    await wired.send(frame.replace('""', '"' + "x" * (1024 * 1024 - len(frame)) + '"'))
    assert (await wired.answer()).payload == {"status": "UnknownVendorId"}


async def test_a_clean_end_is_noted(station: Station, charger: Installed, anna: Operator, mqtt: Capture) -> None:
    connected = anna.charge_point(charger.identity)["connected"]
    assert connected["epoch"] == anna.charge_point(charger.identity)["epoch"]
    await station.socket.close(1000, "bye")
    event = await mqtt.assert_event(charger.identity, "charge_point.disconnected")
    assert "1000" in event.data["reason"]
    assert anna.charge_point(charger.identity)["connected"] is None
    status = await mqtt.assert_status(charger.identity, lambda payload: not payload["connected"])
    assert status.payload["sequence"] > event.payload["sequence"]


async def test_a_lost_connection_is_noted(station: Station, charger: Installed, anna: Operator, mqtt: Capture) -> None:
    await station.drop()
    await mqtt.assert_event(charger.identity, "charge_point.disconnected")
    assert anna.charge_point(charger.identity)["connected"] is None


async def test_what_was_sent_before_the_end_is_still_stored(
    station: Station, charger: Installed, anna: Operator, mqtt: Capture
) -> None:
    await station.begin("StatusNotification", {**STATUS, "status": "Unavailable"})
    await station.socket.close()
    await mqtt.assert_event(charger.identity, "charge_point.disconnected")
    assert anna.charge_point(charger.identity)["status"] == "unavailable"
    mqtt.assert_in_order(charger.identity)


async def test_connecting_is_announced(
    gateway: Gateway, station: Station, charger: Installed, anna: Operator, mqtt: Capture
) -> None:
    event = await mqtt.assert_event(charger.identity, "charge_point.connected")
    assert event.topic == f"ocpp/events/{anna.slug}/{charger.identity}/connection"
    assert event.data == {"ocpp_version": "1.6"}
    stored = anna.charge_point(charger.identity)
    assert stored["connected"]["instance"] == gateway.instance
    assert stored["last_seen"] is not None
    await mqtt.assert_status(charger.identity, lambda payload: payload["connected"])
