"""TriggerMessage and its extended form: what a station is asked to send is tied to the command that has asked."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.gateway.conftest import Connect
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.rest_client import Rest
from tests.station import BOOT, Station

STATUS = {"errorCode": "NoError", "status": "Available"}
METER = [{"timestamp": "2026-11-23T10:00:00Z", "sampledValue": [{"value": "1", "context": "Trigger"}]}]
SAMPLED = [{"timestamp": "2026-11-23T10:00:00Z", "sampledValue": [{"value": "1", "context": "Sample.Periodic"}]}]


async def trigger(
    rest: Rest, station: Station, body: dict[str, Any], answer: str = "Accepted", *, verb: str = ""
) -> Any:
    """Trigger a message, answered by the station, and return the command."""
    asking = rest.asking(station.identity, verb or "trigger", body)
    sent = await station.obey("ExtendedTriggerMessage" if verb else "TriggerMessage", {"status": answer})
    command = await asking
    assert command["payload"] == sent
    return command


async def brought(rest: Rest, mqtt: Capture, command: dict[str, Any], number: int) -> list[tuple[str, int | None]]:
    """Return action and EVSE of the messages a command has brought, as soon as there are `number` of them."""
    await mqtt.assert_event(command["charge_point_id"], "command.triggered", number, command_id=command["id"])
    now = await rest.get(f"commands/{command['id']}")
    return [(one["action"], one["evse_id"]) for one in now["triggered"]]


async def test_a_triggered_message_is_tied_to_its_command(
    station: Station, charger: Installed, rest: Rest, mqtt: Capture
) -> None:
    await station.assert_replied("Heartbeat")  # before: nobody has asked
    command = await trigger(rest, station, {"message": "heartbeat"})
    assert (command["state"], command["triggered"]) == ("accepted", [])
    await station.call("Heartbeat", message_id="asked-for")
    assert await brought(rest, mqtt, command, 1) == [("Heartbeat", None)]
    await station.assert_replied("Heartbeat")  # the next one is of its own
    event = await mqtt.assert_event(charger.identity, "command.triggered")
    assert event.data["message_id"] == "asked-for"
    await station.call("Authorize", {"idTag": "marker"})
    await mqtt.assert_event(charger.identity, "session.authorized")
    assert len(mqtt.of(charger.identity, "command.triggered")) == 1


@pytest.mark.parametrize("answer", ["Rejected", "NotImplemented"])
async def test_a_refused_trigger_brings_nothing(station: Station, rest: Rest, mqtt: Capture, answer: str) -> None:
    command = await trigger(rest, station, {"message": "heartbeat"}, answer)
    assert (command["state"], command["response"]) == ("rejected", {"status": answer})
    await station.assert_replied("Heartbeat")
    await station.call("Authorize", {"idTag": "marker"})
    await mqtt.assert_event(station.identity, "session.authorized")
    assert mqtt.of(station.identity, "command.triggered") == []


async def test_the_message_of_one_connector_is_told_from_those_of_others(
    station: Station, rest: Rest, mqtt: Capture, anna: Operator
) -> None:
    command = await trigger(rest, station, {"message": "status", "evse_id": 2})
    for connector in (1, 2, 2):
        await station.assert_replied("StatusNotification", {"connectorId": connector, **STATUS})
    assert await brought(rest, mqtt, command, 1) == [("StatusNotification", 2)]
    assert [one["evse_id"] for one in anna.connectors(station.identity)] == [1, 2]


async def test_every_connector_answers_once(station: Station, rest: Rest, mqtt: Capture) -> None:
    command = await trigger(rest, station, {"message": "status"})
    for connector in (0, 1, 2, 1):
        await station.assert_replied("StatusNotification", {"connectorId": connector, **STATUS})
    expected = [("StatusNotification", 0), ("StatusNotification", 1), ("StatusNotification", 2)]
    assert await brought(rest, mqtt, command, 3) == expected


async def test_meter_values_taken_for_another_reason_are_not_the_triggered_ones(
    station: Station, rest: Rest, mqtt: Capture
) -> None:
    command = await trigger(rest, station, {"message": "meter_values", "evse_id": 1})
    await station.call("MeterValues", {"connectorId": 1, "meterValue": SAMPLED}, "periodic")
    await station.call("MeterValues", {"connectorId": 1, "meterValue": METER}, "triggered")
    assert await brought(rest, mqtt, command, 1) == [("MeterValues", 1)]
    event = await mqtt.assert_event(station.identity, "command.triggered")
    assert event.data["message_id"] == "triggered"


async def test_a_message_in_the_same_breath_as_the_answer_is_tied(station: Station, rest: Rest, mqtt: Capture) -> None:
    asking = rest.asking(station.identity, "trigger", {"message": "heartbeat"})
    asked = await station.expect("TriggerMessage")
    await asyncio.gather(station.reply(asked, {"status": "Accepted"}), station.begin("Heartbeat", {}))
    await station.answer()
    assert await brought(rest, mqtt, await asking, 1) == [("Heartbeat", None)]


async def test_a_triggered_message_that_breaks_the_schema_does_not_count(
    station: Station, rest: Rest, mqtt: Capture
) -> None:
    command = await trigger(rest, station, {"message": "meter_values"})
    for broken in ({"connectorId": [1]}, {"connectorId": 1, "meterValue": [{}, 1, {"sampledValue": [2]}]}):
        answer = await station.call("MeterValues", broken)
        assert answer.code
    await station.assert_replied("MeterValues", {"connectorId": 1, "meterValue": METER})
    assert await brought(rest, mqtt, command, 1) == [("MeterValues", 1)]


@pytest.mark.parametrize(
    "word, requested",
    [
        ("boot", "BootNotification"),
        ("heartbeat", "Heartbeat"),
        ("log_status", "LogStatusNotification"),
        ("sign_certificate", "SignChargePointCertificate"),
    ],
)
async def test_the_extended_form_asks_for_more(station: Station, rest: Rest, word: str, requested: str) -> None:
    command = await trigger(rest, station, {"message": word}, verb="extended-trigger")
    assert (command["state"], command["payload"]) == ("accepted", {"requestedMessage": requested})


async def test_a_triggered_boot_is_no_restart(station: Station, charger: Installed, rest: Rest, mqtt: Capture) -> None:
    body = {"key": "WebSocketPingInterval", "value": "60"}
    asking = rest.asking(charger.identity, "change-configuration", body)
    await station.obey("ChangeConfiguration", {"status": "RebootRequired"})
    await asking
    command = await trigger(rest, station, {"message": "boot"})
    await station.boot()
    assert await brought(rest, mqtt, command, 1) == [("BootNotification", None)]
    known = await rest.get(f"chargepoints/{charger.identity}/configuration")
    assert known["WebSocketPingInterval"]["reboot_required"]


@pytest.fixture
def pending(anna: Operator) -> Installed:
    """A station that waits for its approval."""
    return anna.installs(booted=False, registration="pending")


async def test_a_pending_station_may_send_what_it_was_asked_for_and_nothing_else(
    pending: Installed, connect: Connect, rest: Rest, mqtt: Capture, anna: Operator
) -> None:
    station = await connect(pending)
    assert (await station.assert_replied("BootNotification", BOOT))["status"] == "Pending"
    command = await trigger(rest, station, {"message": "status", "evse_id": 1})
    await station.assert_call_error("StatusNotification", {"connectorId": 2, **STATUS}, "SecurityError")
    await station.assert_replied("StatusNotification", {"connectorId": 1, **STATUS})
    assert await brought(rest, mqtt, command, 1) == [("StatusNotification", 1)]
    assert [one["evse_id"] for one in anna.connectors(pending.identity)] == [1]
    await station.assert_call_error("StatusNotification", {"connectorId": 1, **STATUS}, "SecurityError")
