"""What a station answers to the central system, and what it does then."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ocpp.v16 import call

from ocpp_gateway.protocol.schemas import actions_for_stations
from ocpp_gateway.protocol.versions import OcppVersion
from ocpp_gateway.simulator.commands import Commands
from ocpp_gateway.simulator.drivers import Plan
from ocpp_gateway.simulator.station import Station
from ocpp_gateway.simulator.wire import CallRefused
from tests.simulator.central import Central
from tests.station import basic


def request(name: str, **fields: Any) -> Any:
    return getattr(call, name)(**fields)


def log_in(key: str) -> str:
    return basic("CP1", key)


@pytest.mark.parametrize("key", ["0123456789abcdef" * 2, "of sixteen.bytes".replace(" ", "-"), "Ab" * 20])
async def test_a_new_key_is_taken_and_used_from_the_next_log_in_on(central: Central, online: Station, key: str) -> None:
    answer = await central.ask(request("ChangeConfiguration", key="AuthorizationKey", value=key))
    assert answer.status == "Accepted"
    await central.until(lambda: len(central.authorization) == 2)
    assert central.authorization == [log_in("a-key-with:colon"), log_in(key)]
    await central.until(lambda: len(central.stations) == 2)
    answer = await central.ask(request("GetConfiguration", key=["AuthorizationKey"]))
    assert (answer.configuration_key, answer.unknown_key) == ([], ["AuthorizationKey"])


@pytest.mark.parametrize("key", ["", "fifteen-letters", "one-and-twenty-letter", "0123456789abcdef" * 3, "0" * 39])
async def test_what_is_no_key_is_rejected(central: Central, online: Station, key: str) -> None:
    assert (await central.ask(request("ChangeConfiguration", key="AuthorizationKey", value=key))).status == "Rejected"
    await online.uplink.drop()
    await central.until(lambda: len(central.authorization) == 2)
    assert set(central.authorization) == {log_in("a-key-with:colon")}


async def test_remote_start_and_remote_stop_make_a_session(central: Central, online: Station) -> None:
    answer = await central.ask(request("RemoteStartTransaction", id_tag="TAG1", connector_id=1))
    assert answer.status == "Accepted"
    await central.until(lambda: central.of("MeterValues"))

    answer = await central.ask(request("RemoteStopTransaction", transaction_id=7001))
    assert answer.status == "Accepted"
    await central.until(lambda: central.of("StopTransaction"))
    assert central.of("StopTransaction")[0].payload["reason"] == "Remote"


async def test_remote_stop_of_another_transaction_is_rejected(central: Central, online: Station) -> None:
    assert (await central.ask(request("RemoteStopTransaction", transaction_id=4))).status == "Rejected"


async def test_remote_start_on_a_busy_or_unknown_connector_is_rejected(central: Central, online: Station) -> None:
    visit = asyncio.create_task(online.visit(online.connectors[1], Plan("TAG1", 100, 2400)))
    await central.until(lambda: central.of("StartTransaction"))
    for connector in (1, 9):
        answer = await central.ask(request("RemoteStartTransaction", id_tag="TAG1", connector_id=connector))
        assert answer.status == "Rejected"
    online.connectors[1].visit.stop("Local", hurry=True)  # type: ignore[union-attr]
    await visit


@pytest.mark.parametrize("kind", ["Soft", "Hard"])
async def test_reset_ends_the_charge_and_boots_again(central: Central, online: Station, kind: str) -> None:
    visit = asyncio.create_task(online.visit(online.connectors[1], Plan("TAG1", 100, 2400)))
    await central.until(lambda: central.of("MeterValues"))
    assert (await central.ask(request("Reset", type=kind))).status == "Accepted"
    await central.until(lambda: len(central.of("BootNotification")) == 2)
    await visit
    await online.uplink.backlog.drained()
    assert [one.payload["reason"] for one in central.of("StopTransaction")] == [f"{kind}Reset"]


async def test_unlocking_ends_the_charge(central: Central, online: Station) -> None:
    visit = asyncio.create_task(online.visit(online.connectors[1], Plan("TAG1", 100, 2400)))
    await central.until(lambda: central.of("MeterValues"))
    assert (await central.ask(request("UnlockConnector", connector_id=1))).status == "Unlocked"
    await visit
    await online.uplink.backlog.drained()
    assert central.of("StopTransaction")[0].payload["reason"] == "UnlockCommand"


async def test_availability_takes_effect_at_once_or_after_the_charge(central: Central, online: Station) -> None:
    change = request("ChangeAvailability", connector_id=1, type="Inoperative")
    assert (await central.ask(change)).status == "Accepted"
    await central.until(lambda: central.statuses(1)[-1] == "Unavailable")
    assert (await central.ask(request("ChangeAvailability", connector_id=1, type="Operative"))).status == "Accepted"
    await central.until(lambda: central.statuses(1)[-1] == "Available")

    visit = asyncio.create_task(online.visit(online.connectors[1], Plan("TAG1", 100, 2400)))
    await central.until(lambda: central.of("StartTransaction"))
    assert (await central.ask(change)).status == "Scheduled"
    online.connectors[1].visit.stop("Local", hurry=True)  # type: ignore[union-attr]
    await visit
    assert central.statuses(1)[-1] == "Unavailable"


@pytest.mark.parametrize(
    "message, action",
    [
        ("BootNotification", "BootNotification"),
        ("Heartbeat", "Heartbeat"),
        ("StatusNotification", "StatusNotification"),
        ("MeterValues", "MeterValues"),
        ("FirmwareStatusNotification", "FirmwareStatusNotification"),
        ("DiagnosticsStatusNotification", "DiagnosticsStatusNotification"),
    ],
)
async def test_triggered_messages_come(central: Central, online: Station, message: str, action: str) -> None:
    before = len(central.of(action))
    answer = await central.ask(request("TriggerMessage", requested_message=message))
    assert answer.status == "Accepted"
    await central.until(lambda: len(central.of(action)) > before)


@pytest.mark.parametrize(
    "message, action",
    [
        ("SignChargePointCertificate", "SignCertificate"),
        ("LogStatusNotification", "LogStatusNotification"),
        ("FirmwareStatusNotification", "FirmwareStatusNotification"),
        ("StatusNotification", "StatusNotification"),
    ],
)
async def test_the_extended_trigger_asks_for_more(central: Central, online: Station, message: str, action: str) -> None:
    before = len(central.of(action))
    answer = await central.ask(request("ExtendedTriggerMessage", requested_message=message))
    assert answer.status == "Accepted"
    await central.until(lambda: len(central.of(action)) > before)


async def test_a_trigger_for_a_connector_that_is_not_there_is_rejected(central: Central, online: Station) -> None:
    answer = await central.ask(request("TriggerMessage", requested_message="MeterValues", connector_id=9))
    assert answer.status == "Rejected"


async def test_data_of_its_maker_is_sent_back(central: Central, online: Station) -> None:
    answer = await central.ask(request("DataTransfer", vendor_id=online.model.vendor, data="42"))
    assert (answer.status, answer.data) == ("Accepted", "42")
    assert (await central.ask(request("DataTransfer", vendor_id="somebody"))).status == "UnknownVendorId"


async def test_configuration_is_read_and_changed(central: Central, online: Station) -> None:
    async def change(key: str, value: str) -> str:
        return (await central.ask(request("ChangeConfiguration", key=key, value=value))).status

    assert await change("MeterValueSampleInterval", "30") == "Accepted"
    assert await change("MeterValueSampleInterval", "often") == "Rejected"
    assert await change("NumberOfConnectors", "7") == "Rejected"
    assert await change("MeterValuesSampledData", "SoC,Humidity") == "Rejected"
    assert await change("Nonsense", "1") == "NotSupported"
    answer = await central.ask(request("GetConfiguration", key=["MeterValueSampleInterval", "Nonsense"]))
    assert answer.configuration_key == [{"key": "MeterValueSampleInterval", "value": "30", "readonly": False}]
    assert answer.unknown_key == ["Nonsense"]


async def test_every_command_of_ocpp_1_6_has_an_answer(station: Station) -> None:
    """None is refused as unknown: a payload without its fields is a mistake of the one who asks."""
    answer = Commands(station).answer
    refused = set()
    for action in sorted(actions_for_stations(OcppVersion.V16)):
        try:
            answer(action, {})
        except CallRefused as refusal:
            refused.add(refusal.code)
    assert refused == {"OccurenceConstraintViolation"}


def test_what_is_no_command_gets_a_callerror(station: Station) -> None:
    with pytest.raises(CallRefused, match="NotImplemented"):
        Commands(station).answer("MakeCoffee", {})
