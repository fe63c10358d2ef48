"""Compares what stations know for certain with MongoDB and MQTT: invariants I1, I2 and I3 of the test plan.

Every function returns one line per difference, so that a test can assert that there are none and show all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pymongo.database import Database

from tests.acceptance.ledger import Charge
from tests.acceptance.ledger_station import LedgerStation
from tests.acceptance.mqtt_capture import Heard, History, MqttCapture
from tests.acceptance.outbox import wait_until_published

Document = dict[str, Any]


def assert_nothing_lost(
    stations: Iterable[LedgerStation], database: Database[Document], capture: MqttCapture, deadline: float = 60.0
) -> None:
    """Compare the ledgers with MongoDB and, once everything is published, with MQTT."""
    assert_none(unanswered(stations))
    assert_none(not_stored(stations, database))
    wait_until_published(database, deadline)
    assert_none(not_published(stations, capture.everything()))


def assert_none(differences: list[str]) -> None:
    """Fail with the differences, if there are any."""
    if differences:
        raise AssertionError("\n".join([f"{len(differences)} differences:", *differences[:20]]))


def unanswered(stations: Iterable[LedgerStation]) -> list[str]:
    """I1: every CALL got exactly one answer with its id, or its socket closed; nothing was given up."""
    found: list[str] = []
    for station in stations:
        ledger, name = station.ledger, station.identity
        found += [f"{name}: {one.action} {one.message_id} got no answer" for one in ledger.unanswered()]
        found += [f"{name}: an answer to nothing: {frame}" for frame in ledger.strays]
        found += [f"{name}: gave up {one.action}: {one.answer}" for one in ledger.discarded]
    return found


def not_stored(stations: Iterable[LedgerStation], database: Database[Document]) -> list[str]:
    """I2: every acknowledged start, stop and meter value is in MongoDB once, one session per real charge."""
    found: list[str] = []
    for station in stations:
        sessions = list(database["sessions"].find({"charge_point_id": station.identity}))
        by_start: dict[Any, list[Document]] = {}
        for session in sessions:
            by_start.setdefault(session["start_time"], []).append(session)
        for charge in station.ledger.charges:
            stored = by_start.pop(charge.started, [])
            if charge.acknowledged:
                found += _compare(f"{station.identity} {charge.started}", charge, stored, database)
        found += [f"{station.identity}: a session of no real charge: {one}" for one in by_start.values()]
    return found


def _compare(name: str, charge: Charge, stored: list[Document], database: Database[Document]) -> list[str]:
    if len(stored) != 1:
        return [f"{name}: {len(stored)} sessions for one charge"]
    session = stored[0]
    found = []
    if set(charge.transaction_ids) != {session["transaction_id"]}:
        found.append(f"{name}: answered {charge.transaction_ids}, stored {session['transaction_id']}")
    if charge.stopped:
        energy = charge.meter_stop - charge.meter_start
        kept = (session["status"], session["stop_meter_value"], session["energy_wh"])
        if kept != ("completed", charge.meter_stop, energy):
            found.append(f"{name}: stopped at {charge.meter_stop} with {energy} Wh, stored {kept}")
    values = database["meter_values"].find({"session_id": session["_id"]})
    kept_readings = Counter((one["timestamp"], one["samples"][0]["value"]) for one in values)
    for reading in charge.readings:
        count = kept_readings[reading.moment, reading.register]
        if count != 1:
            found.append(f"{name}: the reading of {reading.moment} is stored {count} times")
    return found


def not_published(stations: Iterable[LedgerStation], history: History) -> list[str]:
    """I3: every acknowledged fact reached MQTT, each under one event id, in order per station."""
    found: list[str] = []
    heard = history.first()
    for station in stations:
        events = [one for one in heard if one.payload["charge_point_id"] == station.identity]
        found += out_of_order(station.identity, events)
        for charge in station.ledger.charges:
            if charge.acknowledged:
                found += _missing_events(f"{station.identity} {charge.started}", charge, events)
    return found


def out_of_order(name: str, events: Iterable[Heard]) -> list[str]:
    """Return where a station's sequence does not rise, given each of its events once."""
    found = []
    last = 0
    for event in events:
        sequence = event.payload["sequence"]
        if sequence <= last:
            found.append(f"{name}: {event.payload['event_type']} has sequence {sequence} after {last}")
        last = sequence
    return found


def _missing_events(name: str, charge: Charge, events: list[Heard]) -> list[str]:
    mine = [
        one.payload for one in events if one.payload.get("data", {}).get("transaction_id") in charge.transaction_ids
    ]
    counts = Counter(payload["event_type"] for payload in mine)
    values = Counter(
        (datetime.fromisoformat(value["timestamp"]), sample["value"])
        for payload in mine
        if payload["event_type"] == "session.meter_values"
        for value in payload["data"]["meter_values"]
        for sample in value["samples"]
    )
    found = []
    if counts["session.started"] != 1:
        found.append(f"{name}: {counts['session.started']} events tell of its start")
    if charge.stopped and counts["session.stopped"] != 1:
        found.append(f"{name}: {counts['session.stopped']} events tell of its stop")
    for reading in charge.readings:
        count = values[reading.moment, reading.register]
        if count != 1:
            found.append(f"{name}: {count} events tell of the reading of {reading.moment}")
    return found
