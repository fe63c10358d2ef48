"""Transaction messages survive a lost connection: same id, same payload, same order, and no second boot."""

from __future__ import annotations

import asyncio
from datetime import datetime
from http import HTTPStatus

from ocpp_gateway.simulator.backlog import Transaction
from ocpp_gateway.simulator.drivers import Plan
from ocpp_gateway.simulator.station import Station
from tests.simulator.central import Central

READING = {"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [{"value": "1"}]}
PLAN = Plan("TAG1", target_soc=100, stay=1200)


def transaction_messages(central: Central) -> list[str]:
    names = ("StartTransaction", "MeterValues", "StopTransaction")
    return [one.action for one in central.received if one.action in names]


async def test_a_message_without_an_answer_is_sent_again_as_it_was(central: Central, online: Station) -> None:
    central.swallow = ["StartTransaction", "StopTransaction"]
    visit = await online.visit(online.connectors[1], PLAN)
    await online.uplink.backlog.drained()

    assert visit.completed
    for action in ("StartTransaction", "StopTransaction"):
        first, second = central.of(action)
        assert (first.message_id, first.payload) == (second.message_id, second.payload)
    assert central.actions.count("BootNotification") == 1


async def test_a_charge_without_a_connection_is_delivered_later_in_order(central: Central, online: Station) -> None:
    central.refuse = HTTPStatus.SERVICE_UNAVAILABLE
    await online.uplink.drop()
    visit = await online.visit(online.connectors[1], PLAN)
    assert not visit.completed
    assert transaction_messages(central) == []

    reported = datetime.fromisoformat
    ended = online.clock.now()
    central.refuse = None
    await online.uplink.backlog.drained()

    sent = transaction_messages(central)
    assert sent[0] == "StartTransaction"
    assert set(sent[1:-1]) == {"MeterValues"}
    assert sent[-1] == "StopTransaction"
    stop = central.of("StopTransaction")[0].payload
    assert visit.transaction is not None
    assert stop["transactionId"] == visit.transaction.id == 7001
    assert reported(stop["timestamp"]) <= ended
    readings = [reported(one.payload["meterValue"][0]["timestamp"]) for one in central.of("MeterValues")]
    assert readings == sorted(readings)
    assert "Authorize" not in central.actions


async def test_only_changed_statuses_are_told_after_a_reconnect(central: Central, online: Station) -> None:
    await online.uplink.drop()
    await central.until(lambda: len(central.stations) == 2)
    await online.uplink.ready.wait()
    await online.visit(online.connectors[1], PLAN)
    assert central.statuses(0) == ["Available"]
    assert central.statuses(1) == ["Available", "Preparing", "Charging", "Finishing", "Available"]


async def test_a_status_that_changed_while_offline_is_told_after_the_reconnect(
    central: Central, online: Station
) -> None:
    central.refuse = HTTPStatus.SERVICE_UNAVAILABLE
    await online.uplink.drop()
    await online.connectors[1].turn("Faulted")
    central.refuse = None
    await central.until(lambda: central.statuses(1) == ["Available", "Faulted"])


async def test_a_message_the_server_refuses_is_given_up_after_some_attempts(central: Central, online: Station) -> None:
    online.uplink.backlog.put("MeterValues", {"connectorId": "not a number"}, Transaction(id=1))
    online.uplink.backlog.put("MeterValues", {"connectorId": 1, "meterValue": [READING]}, Transaction(id=1))
    await online.uplink.backlog.drained()
    assert len(central.of("MeterValues")) == 3 + 1
    assert len({one.message_id for one in central.of("MeterValues")}) == 2
    assert [text.split(":")[0] for text in online.uplink.backlog.given_up] == ["MeterValues"]


async def test_it_finds_the_server_again_after_an_outage(central: Central, online: Station) -> None:
    central.refuse = HTTPStatus.SERVICE_UNAVAILABLE
    await online.uplink.drop()
    attempts = len(central.authorization)
    await central.until(lambda: len(central.authorization) >= attempts + 3)
    central.refuse = None
    async with asyncio.timeout(5):
        await online.uplink.ready.wait()
