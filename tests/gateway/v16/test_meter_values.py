"""MeterValues (OCPP 1.6 §4.7): every value is durable and announced before the station is answered."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.conftest import Connect
from tests.gateway.v16.charging import meter_values, moment, reading, start, stop
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.station import Station

ENERGY = "Energy.Active.Import.Register"


@pytest.fixture
async def transaction(station: Station, anna: Operator) -> int:
    """The id of a session that runs at connector 1."""
    answer = await station.assert_replied("StartTransaction", start(anna.issues()))
    return int(answer["transactionId"])


async def test_values_of_a_session(station: Station, transaction: int) -> None:
    await station.assert_replied("MeterValues", meter_values(transactionId=transaction), {})


def with_sample(**sample: Any) -> dict[str, Any]:
    """Return a MeterValues with one sample."""
    return meter_values(reading({"value": "1", **sample}))


@pytest.mark.parametrize(
    "payload, code",
    [
        ({}, "ProtocolError"),
        ({"connectorId": 1}, "ProtocolError"),
        ({"connectorId": 1, "meterValue": []}, "OccurenceConstraintViolation"),
        ({"connectorId": 1, "meterValue": {}}, "TypeConstraintViolation"),
        ({"connectorId": 1, "meterValue": [{"timestamp": "2026-01-01T00:00:00Z"}]}, "ProtocolError"),
        (meter_values(connectorId=2**63), "PropertyConstraintViolation"),
        (meter_values(transactionId=2**63), "PropertyConstraintViolation"),
        (meter_values(reading(at="noon")), "PropertyConstraintViolation"),
        (with_sample(value=1), "TypeConstraintViolation"),
        (with_sample(value=None), "TypeConstraintViolation"),
        (with_sample(unit="Volts"), "PropertyConstraintViolation"),
        (with_sample(measurand="Energy"), "PropertyConstraintViolation"),
        (with_sample(phase="L4"), "PropertyConstraintViolation"),
        (with_sample(more=1), "FormationViolation"),
    ],
)
async def test_invalid(station: Station, charger: Installed, anna: Operator, payload: Any, code: str) -> None:
    await station.assert_call_error("MeterValues", payload, code)
    assert anna.meter_values(charger.identity) == []


async def test_what_becomes_of_it(
    station: Station, charger: Installed, anna: Operator, mqtt: Capture, transaction: int
) -> None:
    samples = (
        {"value": "1500", "unit": "Wh", "measurand": ENERGY, "context": "Sample.Periodic", "format": "Raw"},
        {"value": "11.04", "unit": "kW", "measurand": "Power.Active.Import", "location": "Outlet"},
        {"value": "229.8", "unit": "V", "measurand": "Voltage", "phase": "L1-N"},
        {"value": "-3", "unit": "Celcius", "measurand": "Temperature", "location": "Body"},
    )
    at = "2026-01-01T10:00:00.250Z"
    await station.assert_replied("MeterValues", meter_values(reading(*samples, at=at), transactionId=transaction), {})
    session = anna.only_session(charger.identity)
    (stored,) = anna.meter_values(charger.identity)
    kept = [
        {"measurand": ENERGY, "value": 1500, "unit": "Wh", "context": "Sample.Periodic", "format": "Raw"},
        {"measurand": "Power.Active.Import", "value": 11.04, "unit": "kW", "location": "Outlet"},
        {"measurand": "Voltage", "value": 229.8, "unit": "V", "phase": "L1-N"},
        {"measurand": "Temperature", "value": -3, "unit": "Celsius", "location": "Body"},
    ]
    assert stored["samples"] == kept
    assert stored["timestamp"] == moment(at)
    assert stored["session_id"] == session["_id"]
    assert (stored["evse_id"], stored["connector_id"], stored["transaction_id"]) == (1, 1, transaction)
    event = await mqtt.assert_event(charger.identity, "session.meter_values")
    assert event.payload["session_id"] == session["_id"]
    assert event.payload["timestamp"] == "2026-01-01T10:00:00.250000Z"
    assert event.data == {
        "evse_id": 1,
        "connector_id": 1,
        "transaction_id": transaction,
        "meter_values": [{"timestamp": "2026-01-01T10:00:00.250000Z", "samples": kept}],
    }


async def test_the_same_frame_twice(
    station: Station, charger: Installed, anna: Operator, mqtt: Capture, transaction: int
) -> None:
    payload = meter_values(transactionId=transaction)
    first = await station.call("MeterValues", payload, "same")
    again = await station.call("MeterValues", payload, "same")
    assert again.text == first.text
    await assert_one_reading(station, charger, anna, mqtt)


async def assert_one_reading(station: Station, charger: Installed, anna: Operator, mqtt: Capture) -> None:
    """Check that one reading was stored and announced."""
    await station.assert_replied("Authorize", {"idTag": "marker"})
    await mqtt.assert_event(charger.identity, "session.authorized", id_tag="marker")
    assert len(anna.meter_values(charger.identity)) == 1
    events = mqtt.of(charger.identity, "session.meter_values")
    assert [len(event.data["meter_values"]) for event in events] == [1]


@pytest.mark.parametrize("new_connection", [False, True])
async def test_a_retry_with_a_new_id_is_stored_once(
    *,
    connect: Connect,
    station: Station,
    charger: Installed,
    anna: Operator,
    mqtt: Capture,
    transaction: int,
    new_connection: bool,
) -> None:
    payload = meter_values(transactionId=transaction)
    await station.assert_replied("MeterValues", payload, {})
    again = await connect(charger) if new_connection else station
    await again.assert_replied("MeterValues", payload, {})
    await assert_one_reading(again, charger, anna, mqtt)


async def test_a_message_that_repeats_itself_and_others(
    station: Station, charger: Installed, anna: Operator, mqtt: Capture
) -> None:
    old, new = reading(at="2026-01-01T10:00:00Z"), reading(at="2026-01-01T10:01:00Z")
    await station.assert_replied("MeterValues", meter_values(old), {})
    await station.assert_replied("MeterValues", meter_values(old, new, new, old), {})
    assert len(anna.meter_values(charger.identity)) == 2
    await mqtt.assert_event(charger.identity, "session.meter_values", number=2)
    counts = [len(e.data["meter_values"]) for e in mqtt.of(charger.identity, "session.meter_values")]
    assert counts == [1, 1]


async def test_the_same_values_at_another_place_or_time_are_others(
    station: Station, charger: Installed, anna: Operator, transaction: int
) -> None:
    same = reading(at="2026-01-01T10:00:00Z")
    for payload in (
        meter_values(same),
        meter_values(same, connectorId=2),
        meter_values(same, transactionId=transaction),
        meter_values(reading(at="2026-01-01T10:00:00.001Z")),
        meter_values(reading({"value": "1501"}, at="2026-01-01T10:00:00Z")),
    ):
        await station.assert_replied("MeterValues", payload, {})
    assert len(anna.meter_values(charger.identity)) == 5


# -- Whose session -------------------------------------------------------------------------------


@pytest.mark.parametrize("unknown", [-1, 0, 999_999_999, 2**63 - 1])
async def test_an_unknown_transaction_is_kept_as_reported(
    station: Station, charger: Installed, anna: Operator, mqtt: Capture, unknown: int
) -> None:
    await station.assert_replied("MeterValues", meter_values(transactionId=unknown), {})
    (stored,) = anna.meter_values(charger.identity)
    assert (stored["session_id"], stored["transaction_id"]) == (None, unknown)
    event = await mqtt.assert_event(charger.identity, "session.meter_values")
    assert (event.payload["session_id"], event.data["transaction_id"]) == (None, unknown)


@pytest.mark.parametrize("owner", ["anna", "boris"])
async def test_another_stations_transaction_is_not_found(
    connect: Connect, charger: Installed, anna: Operator, boris: Operator, owner: str
) -> None:
    other = {"anna": anna, "boris": boris}[owner]
    victim = other.installs()
    answer = await (await connect(victim)).assert_replied("StartTransaction", start(other.issues()))
    thief = await connect(charger)
    await thief.assert_replied("MeterValues", meter_values(transactionId=answer["transactionId"]), {})
    assert anna.meter_values(charger.identity)[0]["session_id"] is None
    assert other.meter_values(victim.identity) == []


@pytest.mark.parametrize("connector, place", [(0, (0, 0)), (1, (1, 1)), (7, (7, 1)), (-1, (-1, 1))])
async def test_without_a_transaction(
    station: Station, charger: Installed, anna: Operator, connector: int, place: tuple[int, int]
) -> None:
    """Connector 0 is the main meter of the station."""
    await station.assert_replied("MeterValues", meter_values(connectorId=connector), {})
    (stored,) = anna.meter_values(charger.identity)
    assert (stored["evse_id"], stored["connector_id"]) == place
    assert (stored["session_id"], stored["transaction_id"]) == (None, None)


async def test_values_after_the_end_belong_to_the_session_and_change_nothing(
    station: Station, charger: Installed, anna: Operator, transaction: int
) -> None:
    await station.assert_replied("StopTransaction", stop(transaction))
    before = anna.only_session(charger.identity)
    await station.assert_replied("MeterValues", meter_values(transactionId=transaction), {})
    assert anna.meter_values(charger.identity)[0]["session_id"] == before["_id"]
    assert anna.only_session(charger.identity) == before


async def test_values_after_a_reconnect_find_their_session(
    connect: Connect, station: Station, charger: Installed, anna: Operator, transaction: int
) -> None:
    await station.drop()
    again = await connect(charger)
    await again.assert_replied("MeterValues", meter_values(transactionId=transaction), {})
    session = anna.only_session(charger.identity)
    assert anna.meter_values(charger.identity)[0]["session_id"] == session["_id"]


# -- Values as stations write them -------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, value",
    [
        ("0", 0),
        ("-0.5", -0.5),
        ("+7", 7),
        ("1e3", 1000),
        ("0001", 1),
        ("12.", 12),
        (".5", 0.5),
        ("1500.00", 1500),
        (" 12 ", 12),
        ("0.1", 0.1),
        ("9007199254740993", 9007199254740992.0),
        ("1.7976931348623157e308", 1.7976931348623157e308),
        # What is no number, or none that MongoDB and JSON can hold, is kept as it was written.
        ("", ""),
        ("12,5", "12,5"),
        ("1_000", "1_000"),
        ("١٢", "١٢"),
        ("0x10", "0x10"),
        ("NaN", "NaN"),
        ("inf", "inf"),
        ("-Infinity", "-Infinity"),
        ("1e400", "1e400"),
        ("x" * 10_000, "x" * 10_000),
        ("a\0b", "a\0b"),
    ],
    ids=lambda text: repr(text)[:25],
)
async def test_numbers(station: Station, charger: Installed, anna: Operator, text: str, value: Any) -> None:
    await station.assert_replied("MeterValues", with_sample(value=text), {})
    (stored,) = anna.meter_values(charger.identity)
    assert stored["samples"][0]["value"] == value
    assert type(stored["samples"][0]["value"]) in (type(value), int, float)


async def test_signed_data_is_kept_to_the_letter(station: Station, charger: Installed, anna: Operator) -> None:
    await station.assert_replied("MeterValues", with_sample(value="0042", format="SignedData"), {})
    assert anna.meter_values(charger.identity)[0]["samples"][0]["value"] == "0042"


@pytest.mark.parametrize(
    "sample, measurand, unit",
    [
        ({}, ENERGY, "Wh"),
        ({"unit": "kWh"}, ENERGY, "kWh"),
        ({"measurand": "Energy.Active.Export.Interval"}, "Energy.Active.Export.Interval", "Wh"),
        ({"measurand": "SoC"}, "SoC", ""),
        ({"measurand": "SoC", "unit": "Percent"}, "SoC", "Percent"),
        ({"measurand": "Temperature", "unit": "Celsius"}, "Temperature", "Celsius"),
        ({"measurand": "Temperature", "unit": "Celcius"}, "Temperature", "Celsius"),
    ],
    ids=str,
)
async def test_defaults(
    *, station: Station, charger: Installed, anna: Operator, sample: Any, measurand: str, unit: str
) -> None:
    """OCPP 1.6 §7.43: without a measurand it is the energy register, in Wh."""
    await station.assert_replied("MeterValues", with_sample(**sample), {})
    (stored,) = anna.meter_values(charger.identity)[0]["samples"]
    assert (stored["measurand"], stored["unit"]) == (measurand, unit)


async def test_many_readings_in_one_message(station: Station, charger: Installed, anna: Operator) -> None:
    readings = [reading({"value": str(n)}, at=f"2026-01-01T{n // 60:02d}:{n % 60:02d}:00Z") for n in range(600)]
    await station.assert_replied("MeterValues", meter_values(*readings), {})
    stored = anna.meter_values(charger.identity)
    assert [value["samples"][0]["value"] for value in stored] == list(range(600))
