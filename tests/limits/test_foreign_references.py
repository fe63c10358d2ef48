"""Station A names station B's transaction, reservation or message: answered per specification, nothing of B changes."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

from tests.gateway.commanded import Asked, asked
from tests.gateway.rest_caller import path_of, rest_of
from tests.gateway.v16.charging import meter_values, reading, start, stop
from tests.limits.conftest import connected, noticed
from tests.mqtt_capture import Capture
from tests.people import Operator
from tests.serving import Gateway


async def test_a_transaction(pair: list[Gateway], anna: Operator, mqtt: Capture) -> None:
    mallory, victim = anna.installs(), anna.installs()
    attacker, charging = await connected(pair[0], mallory, "127.0.0.1"), await connected(pair[1], victim, "127.0.0.2")
    transaction = (await charging.assert_replied("StartTransaction", start(anna.issues())))["transactionId"]
    before = anna.only_session(victim.identity)

    await attacker.assert_replied("StopTransaction", stop(transaction, meterStop=999_999), {})
    values = meter_values(reading({"value": "999999"}), transactionId=transaction)
    await attacker.assert_replied("MeterValues", values, {})

    [event] = await noticed(anna, mallory, "ForeignTransaction")
    assert event["tech_info"] == f"transaction {transaction} belongs to {victim.identity}"
    await mqtt.assert_event(mallory.identity, "security.event_reported", type="ForeignTransaction")
    await attacker.assert_replied("StopTransaction", stop(transaction, meterStop=999_998), {})
    assert len(await noticed(anna, mallory, "ForeignTransaction")) == 1, "a loop must not fill the database"
    assert anna.only_session(victim.identity) == before
    assert anna.meter_values(victim.identity) == []
    assert {session["quality"][0] for session in anna.sessions(mallory.identity)} == {"orphan"}
    await charging.assert_replied("StopTransaction", stop(transaction))
    assert anna.only_session(victim.identity)["status"] == "completed"
    await attacker.socket.close()
    await charging.socket.close()


async def test_a_transaction_of_another_tenant_tells_nothing(here: Gateway, anna: Operator, boris: Operator) -> None:
    mallory, victim = anna.installs(), boris.installs()
    charging = await connected(here, victim, "127.0.0.2")
    tag, transaction, meter = boris.issues(max_active=None), 0, 0
    while not transaction or anna.db["sessions"].count_documents({"transaction_id": transaction}):
        meter += 1
        payload = start(tag, meterStart=meter)
        transaction = (await charging.assert_replied("StartTransaction", payload))["transactionId"]
    attacker = await connected(here, mallory, "127.0.0.1")
    await attacker.assert_replied("StopTransaction", stop(transaction), {})
    await attacker.assert_replied("Heartbeat")
    assert anna.db["security_events"].count_documents({"charge_point_id": mallory.identity}) == 0
    await attacker.socket.close()
    await charging.socket.close()


async def test_a_reservation(here: Gateway, anna: Operator) -> None:
    mallory, holder = anna.installs(), anna.installs()
    attacker, station = await connected(here, mallory, "127.0.0.1"), await connected(here, holder, "127.0.0.2")
    rest, tag = rest_of(anna, here), anna.issues()
    expires_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    body = {"charge_point_id": holder.identity, "evse_id": 1, "id_tag": tag, "expires_at": expires_at}
    reservation = await rest.post("reservations", body)
    await (await asked(station, "ReserveNow")).answer(status="Accepted")
    number = reservation["reservation_id"]

    answer = await attacker.assert_replied("StartTransaction", start(tag, reservationId=number))
    assert answer["idTagInfo"]["status"] == "Accepted", "the tag is good; the station decides"
    assert anna.only_session(mallory.identity)["quality"] == ["reservation_unknown"]
    [event] = await noticed(anna, mallory, "ForeignReservation")
    assert event["tech_info"] == f"reservation {number} belongs to {holder.identity}"
    assert (await rest.get(path_of("reservations", reservation["id"])))["state"] in {"requested", "active"}
    await attacker.socket.close()
    await station.socket.close()


async def test_a_message(pair: list[Gateway], anna: Operator) -> None:
    """A shadow of a station answers what the station was asked, before it can."""
    mallory, victim = anna.installs(), anna.installs()
    attacker, station = await connected(pair[1], mallory, "127.0.0.1"), await connected(pair[0], victim, "127.0.0.2")
    rest = rest_of(anna, pair[0])
    path = f"chargepoints/{victim.identity}/commands?wait=30"
    waiting = asyncio.create_task(rest.post(path, {"action": "ClearCache"}, status=200))
    call = await asked(station, "ClearCache")
    await Asked(attacker, call.message_id, {}).answer(status="Rejected")
    await attacker.assert_replied("Heartbeat")
    [event] = await noticed(anna, mallory, "ForeignMessage")
    assert event["tech_info"] == f"message {call.message_id} went to {victim.identity}"
    assert not waiting.done()
    await call.answer(status="Accepted")
    assert (await waiting)["state"] == "accepted"
    for made_up in ("0123456789abcdef01234567", "x", "-1"):
        await attacker.send(json.dumps([3, made_up, {}]))
    await attacker.assert_replied("Heartbeat")
    assert len(await noticed(anna, mallory, "ForeignMessage")) == 1
    await attacker.socket.close()
    await station.socket.close()
