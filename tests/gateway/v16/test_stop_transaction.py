"""StopTransaction (OCPP 1.6 §4.10): never refused, whatever it names, however often it comes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.conftest import Connect
from tests.gateway.v16.charging import ago, meter_values, moment, reading, start, stop
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.station import Station

REASONS = {
    "DeAuthorized": "deauthorized",
    "EmergencyStop": "emergency_stop",
    "EVDisconnected": "ev_disconnected",
    "HardReset": "hard_reset",
    "Local": "local",
    "Other": "other",
    "PowerLoss": "power_loss",
    "Reboot": "reboot",
    "Remote": "remote",
    "SoftReset": "soft_reset",
    "UnlockCommand": "unlock_command",
}


@pytest.fixture
async def transaction(station: Station, anna: Operator) -> int:
    """The id of a session that runs at connector 1 since the meter stood at 1,000 Wh."""
    answer = await station.assert_replied("StartTransaction", start(anna.issues()))
    return int(answer["transactionId"])


@pytest.mark.parametrize("reason", sorted(REASONS))
async def test_every_reason_has_a_word_of_ours(
    station: Station, charger: Installed, anna: Operator, transaction: int, reason: str
) -> None:
    await station.assert_replied("StopTransaction", stop(transaction, reason=reason), {})
    assert anna.only_session(charger.identity)["stop_reason"] == REASONS[reason]


@pytest.mark.parametrize(
    "change, code",
    [
        ({"transactionId": "1"}, "TypeConstraintViolation"),
        ({"transactionId": 2**63}, "PropertyConstraintViolation"),
        ({"meterStop": 2**63}, "PropertyConstraintViolation"),
        ({"meterStop": "6000"}, "TypeConstraintViolation"),
        ({"reason": "Boredom"}, "PropertyConstraintViolation"),
        ({"idTag": "x" * 21}, "PropertyConstraintViolation"),
        ({"timestamp": "never"}, "PropertyConstraintViolation"),
        (
            {"transactionData": [{"timestamp": "never", "sampledValue": [{"value": "1"}]}]},
            "PropertyConstraintViolation",
        ),
        ({"transactionData": {}}, "TypeConstraintViolation"),
        ({"more": 1}, "FormationViolation"),
    ],
)
async def test_invalid(
    *, station: Station, charger: Installed, anna: Operator, transaction: int, change: Any, code: str
) -> None:
    await station.assert_call_error("StopTransaction", stop(transaction) | change, code)
    assert anna.only_session(charger.identity)["status"] == "active"


@pytest.mark.parametrize("field", ["transactionId", "meterStop", "timestamp"])
async def test_incomplete(station: Station, transaction: int, field: str) -> None:
    payload = stop(transaction)
    del payload[field]
    await station.assert_call_error("StopTransaction", payload, "ProtocolError")


async def test_what_becomes_of_it(
    station: Station, charger: Installed, anna: Operator, mqtt: Capture, transaction: int
) -> None:
    payload = stop(transaction, reason="EVDisconnected")
    await station.assert_replied("StopTransaction", payload, {})
    session = anna.only_session(charger.identity)
    expected = {
        "status": "completed",
        "transaction_id": transaction,
        "stop_time": moment(payload["timestamp"]),
        "stop_meter_value": 6000,
        "energy_wh": 5000,
        "stop_reason": "ev_disconnected",
        "stop_id_tag": "",
        "quality": [],
    }
    assert {name: session[name] for name in expected} == expected
    event = await mqtt.assert_event(charger.identity, "session.stopped")
    assert event.payload["session_id"] == session["_id"]
    assert event.data["energy_wh"] == 5000
    assert event.data["transaction_id"] == transaction
    assert event.data["stop_reason"] == "ev_disconnected"
    types = [event.type for event in mqtt.of(charger.identity)]
    assert types == ["charge_point.connected", "session.started", "session.stopped"]
    mqtt.assert_in_order(charger.identity)


async def test_the_same_frame_twice(station: Station, charger: Installed, mqtt: Capture, transaction: int) -> None:
    payload = stop(transaction, transactionData=[reading()])
    first = await station.call("StopTransaction", payload, "same")
    again = await station.call("StopTransaction", payload, "same")
    assert again.text == first.text
    await assert_stopped_once(station, charger, mqtt)


async def assert_stopped_once(station: Station, charger: Installed, mqtt: Capture) -> None:
    """Check that one end and at most one message of meter values were announced."""
    await station.assert_replied("Authorize", {"idTag": "marker"})
    await mqtt.assert_event(charger.identity, "session.authorized", id_tag="marker")
    assert len(mqtt.of(charger.identity, "session.stopped")) == 1
    assert len(mqtt.of(charger.identity, "session.meter_values")) <= 1


async def test_without_a_reason_it_was_asked_for_at_the_station(
    station: Station, charger: Installed, anna: Operator, transaction: int
) -> None:
    payload = stop(transaction)
    del payload["reason"]
    await station.assert_replied("StopTransaction", payload, {})
    assert anna.only_session(charger.identity)["stop_reason"] == "local"


@pytest.mark.parametrize("status, verdict", [("accepted", "Accepted"), ("blocked", "Blocked"), (None, "Invalid")])
async def test_a_tag_that_is_presented_gets_its_verdict(
    *, station: Station, charger: Installed, anna: Operator, transaction: int, status: str | None, verdict: str
) -> None:
    tag = anna.issues(status=status) if status else "unknown"
    await station.assert_replied("StopTransaction", stop(transaction, idTag=tag), {"idTagInfo": {"status": verdict}})
    session = anna.only_session(charger.identity)
    assert (session["status"], session["stop_id_tag"]) == ("completed", tag)


# -- Again, late, over another connection -----------------------------------------------------------


@pytest.mark.parametrize("new_connection", [False, True])
async def test_a_second_stop_changes_nothing(
    *,
    connect: Connect,
    station: Station,
    charger: Installed,
    anna: Operator,
    mqtt: Capture,
    transaction: int,
    new_connection: bool,
) -> None:
    await station.assert_replied("StopTransaction", stop(transaction), {})
    before = anna.only_session(charger.identity)
    again = await connect(charger) if new_connection else station
    await again.assert_replied("StopTransaction", stop(transaction), {})
    await again.assert_replied("StopTransaction", stop(transaction, meterStop=9999, reason="Other"), {})
    assert anna.only_session(charger.identity) == before
    await assert_stopped_once(again, charger, mqtt)


async def test_a_stop_after_a_reconnect_without_a_boot(
    connect: Connect, station: Station, charger: Installed, anna: Operator, transaction: int
) -> None:
    await station.drop()
    again = await connect(charger)
    await again.assert_replied("StopTransaction", stop(transaction), {})
    assert anna.only_session(charger.identity)["energy_wh"] == 5000


async def test_a_stop_after_a_reboot(
    connect: Connect, station: Station, charger: Installed, anna: Operator, transaction: int
) -> None:
    await station.drop()
    again = await connect(charger)
    await again.boot()
    await again.assert_replied("StopTransaction", stop(transaction, reason="PowerLoss"), {})
    session = anna.only_session(charger.identity)
    assert (session["status"], session["stop_reason"]) == ("completed", "power_loss")


async def test_a_stop_that_waited_offline_is_late(station: Station, charger: Installed, anna: Operator) -> None:
    begun, ended = ago(hours=9), ago(hours=8)
    answer = await station.assert_replied("StartTransaction", start(anna.issues(), timestamp=begun))
    await station.assert_replied("StopTransaction", stop(answer["transactionId"], timestamp=ended), {})
    session = anna.only_session(charger.identity)
    assert session["quality"] == ["late"]
    assert session["stop_time"] == moment(ended)


# -- Transactions this station never had ------------------------------------------------------------


@pytest.mark.parametrize("unknown", [-1, 0, 999_999_999, -(2**63), 2**63 - 1])
async def test_an_unknown_transaction_is_kept_and_flagged(
    station: Station, charger: Installed, anna: Operator, mqtt: Capture, unknown: int
) -> None:
    payload = stop(unknown, transactionData=[reading()])
    for _ in range(2):
        await station.assert_replied("StopTransaction", payload, {})
    session = anna.only_session(charger.identity)
    assert session["status"] == "completed"
    assert session["quality"] == ["orphan", f"transaction:{unknown}"]
    assert session["stop_meter_value"] == 6000
    assert session["energy_wh"] == 0
    assert [value["session_id"] for value in anna.meter_values(charger.identity)] == [session["_id"]]
    event = await mqtt.assert_event(charger.identity, "session.stopped")
    assert event.data["quality"] == session["quality"]
    await assert_stopped_once(station, charger, mqtt)


async def test_two_stops_of_unknown_transactions_are_two(station: Station, charger: Installed, anna: Operator) -> None:
    await station.assert_replied("StopTransaction", stop(-1, meterStop=1), {})
    await station.assert_replied("StopTransaction", stop(-1, meterStop=2), {})
    assert len(anna.sessions(charger.identity)) == 2


@pytest.mark.parametrize("owner", ["anna", "boris"])
async def test_another_stations_transaction_is_not_touched(
    connect: Connect, charger: Installed, anna: Operator, boris: Operator, owner: str
) -> None:
    """Neither that of a neighbour nor that of a station of another tenant, whatever id is named."""
    other = {"anna": anna, "boris": boris}[owner]
    victim = other.installs()
    answer = await (await connect(victim)).assert_replied("StartTransaction", start(other.issues()))
    before = other.only_session(victim.identity)
    thief = await connect(charger)
    await thief.assert_replied("StopTransaction", stop(answer["transactionId"]), {})
    assert other.only_session(victim.identity) == before
    assert anna.only_session(charger.identity)["quality"][0] == "orphan"


# -- Doubts are flagged ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change, flags, energy",
    [
        ({"meterStop": 1000}, [], 0),
        ({"meterStop": 999}, ["meter_decreased"], 0),
        ({"meterStop": -5}, ["meter_decreased"], 0),
        ({"timestamp": "2018-01-01T00:00:00Z"}, ["clock_suspect", "stop_before_start"], 5000),
        ({"timestamp": "2099-01-01T00:00:00Z"}, ["clock_suspect"], 5000),
        ({"timestamp": "2026-01-01T00:00:00Z"}, ["late", "stop_before_start"], 5000),
    ],
    ids=str,
)
async def test_doubts(
    *, station: Station, charger: Installed, anna: Operator, transaction: int, change: Any, flags: Any, energy: int
) -> None:
    await station.assert_replied("StopTransaction", stop(transaction) | change, {})
    session = anna.only_session(charger.identity)
    assert (session["quality"], session["energy_wh"]) == (flags, energy)
    assert session["status"] == "completed"


async def test_a_stop_just_before_its_start(
    station: Station, charger: Installed, anna: Operator, transaction: int
) -> None:
    await station.assert_replied("StopTransaction", stop(transaction, timestamp=ago(minutes=2)), {})
    assert anna.only_session(charger.identity)["quality"] == ["stop_before_start"]


@pytest.mark.parametrize("first, last", [(-(2**63), 2**63 - 1), (2**63 - 1, -(2**63)), (0, 2**63 - 1)])
async def test_registers_at_the_ends_of_the_scale(
    station: Station, charger: Installed, anna: Operator, first: int, last: int
) -> None:
    answer = await station.assert_replied("StartTransaction", start(anna.issues(), meterStart=first))
    await station.assert_replied("StopTransaction", stop(answer["transactionId"], meterStop=last), {})
    session = anna.only_session(charger.identity)
    assert session["energy_wh"] == pytest.approx(max(0, last - first))


# -- transactionData ---------------------------------------------------------------------------------


async def test_the_readings_of_a_stop_are_stored(
    station: Station, charger: Installed, anna: Operator, mqtt: Capture, transaction: int
) -> None:
    data = [
        reading({"value": "1000", "context": "Transaction.Begin"}, at="2026-01-01T10:00:00Z"),
        reading({"value": "6000", "context": "Transaction.End"}, at="2026-01-01T11:00:00Z"),
    ]
    await station.assert_replied("StopTransaction", stop(transaction, transactionData=data), {})
    session = anna.only_session(charger.identity)
    values = anna.meter_values(charger.identity)
    assert [value["samples"][0]["value"] for value in values] == [1000, 6000]
    assert {value["session_id"] for value in values} == {session["_id"]}
    assert {(value["evse_id"], value["connector_id"]) for value in values} == {(1, 1)}
    event = await mqtt.assert_event(charger.identity, "session.meter_values")
    assert len(event.data["meter_values"]) == 2
    await mqtt.assert_event(charger.identity, "session.stopped")
    types = [event.type for event in mqtt.of(charger.identity)][-2:]
    assert types == ["session.meter_values", "session.stopped"], "readings come before the end they belong to"


async def test_readings_known_already_or_named_twice_are_stored_once(
    station: Station, charger: Installed, anna: Operator, transaction: int
) -> None:
    known, new = reading(at="2026-01-01T10:00:00Z"), reading(at="2026-01-01T10:15:00Z")
    await station.assert_replied("MeterValues", meter_values(known, transactionId=transaction), {})
    await station.assert_replied("StopTransaction", stop(transaction, transactionData=[known, new, new]), {})
    assert len(anna.meter_values(charger.identity)) == 2
    assert anna.only_session(charger.identity)["status"] == "completed"


async def test_an_empty_list_of_readings(
    station: Station, charger: Installed, anna: Operator, transaction: int
) -> None:
    await station.assert_replied("StopTransaction", stop(transaction, transactionData=[]), {})
    assert anna.meter_values(charger.identity) == []
