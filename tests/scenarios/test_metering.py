"""Meter values of every kind in one charge (OCPP 1.6 §7.43): kept as they were sent, and the energy is right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import Any

from tests.domain.test_measurands import WORDS
from tests.scenarios.scene import Scene, wire_time

OCMF = 'OCMF|{"FV":"1.0","RD":[{"TM":"2026-05-01T10:00:00,000+0000 S","RV":1000.50,"RU":"kWh"}]}|{"SD":"30450220"}'

FORMS: list[tuple[list[dict[str, str]], float]] = [
    ([{"value": "3500"}], 2500),
    ([{"value": "3500", "unit": "Wh"}], 2500),
    ([{"value": "3.5", "unit": "kWh"}], 2500),
    ([{"value": "1.001", "unit": "kWh"}], 1),
    ([{"value": str(v), "unit": "Wh", "phase": p} for v, p in ((1000, "L1"), (1500, "L2"), (1000, "L3"))], 2500),
    ([{"value": "3.5", "unit": "kWh", "phase": "L1-N"}], 2500),
    ([{"value": "9", "unit": "kWh", "phase": "L1"}, {"value": "3500", "unit": "Wh"}], 2500),
    ([{"value": OCMF, "format": "SignedData"}, {"value": "3500", "format": "Raw"}], 2500),
    ([{"value": "77", "measurand": "Energy.Active.Import.Interval"}, {"value": "3500"}], 2500),
    ([{"value": "99999", "measurand": "Energy.Active.Export.Register"}, {"value": "3500"}], 2500),
    ([{"value": "99999", "location": "Inlet"}, {"value": "3500", "location": "Outlet"}], 2500),
    # A register below the start: nothing, but never less.
    ([{"value": "10"}], 0),
]


def every_word() -> list[dict[str, str]]:
    """Return samples in which each word of each list stands at least once."""
    rows = zip_longest(*WORDS.values())
    made = []
    for number, row in enumerate(rows):
        words = {name: word for name, word in zip(WORDS, row, strict=True) if word is not None}
        made.append({"value": OCMF if words.get("format") == "SignedData" else str(number / 2), **words})
    return made


def kept(wire: dict[str, str]) -> dict[str, Any]:
    """Return a sample as it is to be stored."""
    value: Any = wire["value"] if wire.get("format") == "SignedData" else float(wire["value"])
    unit = "Celsius" if wire.get("unit") == "Celcius" else wire.get("unit", "")
    return {**wire, "value": value, "unit": unit}


def readings(*values: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Return readings of just now, a second apart."""
    return [
        {"timestamp": wire_time(datetime.now(UTC) - timedelta(seconds=20 - n)), "sampledValue": samples}
        for n, samples in enumerate(values, start=1)
    ]


async def test_every_kind_of_value_is_kept(scene: Scene) -> None:
    number = await scene.starts(await scene.token())
    samples = every_word()
    await scene.meters(number, 0, meterValue=readings(samples))
    session = await scene.session(number)
    (stored,) = scene.operator.meter_values(scene.identity)
    assert stored["samples"] == [kept(sample) for sample in samples]
    (shown,) = (await scene.rest.get(f"sessions/{session['id']}/meter-values"))["results"]
    assert shown["samples"] == stored["samples"]
    (event,) = scene.events("session.meter_values")
    assert event.data["meter_values"][0]["samples"] == stored["samples"]


async def live(scene: Scene, count: int) -> None:
    """Return when so many sessions of the station have live values, which are written together every few seconds."""
    query = {"charge_point_id": scene.identity, "live_at": {"$ne": None}}
    sessions = scene.operator.db["sessions"]
    with sessions.watch() as changes:
        while sessions.count_documents(query) < count:
            changes.next()


async def test_the_energy_of_running_sessions(scene: Scene) -> None:
    """One connector for each way of telling the register."""
    numbers = []
    for connector, (samples, _) in enumerate(FORMS, start=1):
        tag = await scene.token(f"{connector}x{scene.identity[-14:]}".replace("_", ""))
        numbers.append(await scene.starts(tag, connectorId=connector))
        await scene.meters(numbers[-1], 0, connectorId=connector, meterValue=readings(samples))
    await live(scene, len(FORMS))
    energies = [(await scene.session(number))["energy_wh"] for number in numbers]
    assert energies == [energy for _, energy in FORMS]
    # What is billed is the difference of the registers, whatever was measured meanwhile.
    for number in numbers:
        await scene.stops(number, meterStop=4200)
        session = await scene.session(number)
        assert (session["energy_wh"], session["quality"]) == (3200, [])


async def test_an_older_reading_does_not_turn_the_register_back(scene: Scene) -> None:
    number = await scene.starts(await scene.token())
    older, newer = readings([{"value": "2000"}], [{"value": "3000"}])
    await scene.meters(number, 0, meterValue=[newer])
    await scene.meters(number, 0, meterValue=[older])
    await live(scene, 1)
    assert (await scene.session(number))["energy_wh"] == 2000
    assert len(scene.operator.meter_values(scene.identity)) == 2


async def test_a_meter_that_went_back_is_flagged_and_never_negative(scene: Scene) -> None:
    number = await scene.starts(await scene.token())
    await scene.stops(number, meterStop=400)
    session = await scene.session(number)
    assert (session["energy_wh"], session["quality"]) == (0, ["meter_decreased"])


async def test_signed_data_in_the_stop_is_kept_to_the_letter(scene: Scene) -> None:
    """As the calibration law wants it: begin and end of the transaction, signed by the meter."""
    number = await scene.starts(await scene.token())
    signed = [
        [{"value": OCMF, "format": "SignedData", "context": "Transaction.Begin"}],
        [{"value": OCMF.replace("1000.50", "1005.50"), "format": "SignedData", "context": "Transaction.End"}],
    ]
    await scene.stops(number, transactionData=readings(*signed))
    session = await scene.session(number)
    shown = (await scene.rest.get(f"sessions/{session['id']}/meter-values"))["results"]
    assert [one["samples"][0]["value"] for one in shown] == [samples[0]["value"] for samples in signed]
    assert session["energy_wh"] == 5000
