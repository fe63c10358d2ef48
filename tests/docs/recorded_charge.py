"""One charge, played through the domain on real MongoDB: the events it leaves in the outbox, as they go to MQTT."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from pymongo.asynchronous.database import AsyncDatabase

from chargepoints.boot import BootFacts, record_boot
from chargepoints.certificate_requests import record_refused
from chargepoints.commands import (
    OPEN,
    NewCommand,
    TriggeredMessage,
    end_command,
    record_triggered,
    store_command,
    take_to_send,
)
from chargepoints.connection import CHARGE_POINTS, announce_connected, claim, release
from chargepoints.models import CommandState, ConnectorState
from chargepoints.reservations import (
    ReservationRequest,
    expire_reservation,
    find_reservation,
    settle_cancellation,
    settle_request,
    use_reservation,
)
from chargepoints.security_events import record_security_event
from chargepoints.station import Station
from chargepoints.station_jobs import FIRMWARE, LOGS, record_report
from chargepoints.status import StatusReport, record_status
from events.outbox import OLDEST_FIRST, OUTBOX
from sessions_app.authorization import ID_TOKENS, authorize
from sessions_app.meter_values import MeterReport, record_meter_values
from sessions_app.metering import Reading
from sessions_app.transactions import StartReport, StopReport, start_session, stop_session
from tenants.clients import Document, async_client, close_async_client
from tenants.directory import TenantRecord
from tenants.routing import database_name
from tenants.suspension import announce_status

Event = dict[str, Any]

STATION = "docs_CP001"
TENANT = TenantRecord(
    slug="docs",
    database_name=database_name("docs"),
    active=True,
    max_charge_points=1,
    queue_enabled=True,
    mqtt_topic_prefix="ocpp",
    auto_register=False,
    min_security_profile=1,
    default_heartbeat_interval=300,
)
_NEW_STATION = {
    "registration": "accepted",
    "status": "unknown",
    "epoch": 29_000_000,
    "booted_at": None,
    "vendor": "",
    "model": "",
    "serial_number": "",
    "firmware_version": "",
}
_TOKEN = {"status": "accepted", "expires_at": None, "parent_id_tag": "", "max_active": 1}


@asynccontextmanager
async def charge_played() -> AsyncIterator[AsyncDatabase[Document]]:
    """Play a whole charge and give the database in which it has left its traces; dropped afterwards."""
    database = TENANT.database
    try:
        await async_client().drop_database(TENANT.database_name)
        await database[CHARGE_POINTS].insert_one({"_id": STATION, **_NEW_STATION})
        await database[ID_TOKENS].insert_one({"_id": "04a2b3c4", **_TOKEN})
        await _charge()
        yield database
    finally:
        await async_client().drop_database(TENANT.database_name)
        await close_async_client()


async def record_charge() -> list[Event]:
    """Return the outbox entries of a whole charge in the order in which they were stored, payloads decoded."""
    async with charge_played() as database:
        rows = await database[OUTBOX].find().sort(OLDEST_FIRST).to_list()
    return [event | {"payload": orjson.loads(event["payload"])} for row in rows for event in row["events"]]


async def _charge() -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    await announce_status(replace(TENANT, active=False), now)
    await announce_status(TENANT, now + timedelta(milliseconds=1))
    station = await claim(TENANT, STATION, instance="csms-1", ocpp_version="1.6", now=now)
    await announce_connected(station, now)
    boot = BootFacts(vendor="Acme", model="AC22", serial_number="A-0001", firmware_version="1.4.2")
    await record_boot(station, boot, now)
    await _status(station, ConnectorState.PREPARING, now)
    await authorize(station, "04A2B3C4", now)
    started = await start_session(
        station,
        StartReport(evse_id=1, connector_id=1, id_tag="04A2B3C4", meter_wh=1_520_300, timestamp=now),
        now,
    )
    later = now + timedelta(minutes=1)
    reading = Reading(later, _samples())
    await record_meter_values(station, MeterReport(1, 1, started.transaction_id, [reading]), later)
    stop = StopReport(transaction_id=started.transaction_id, meter_wh=1_520_484, timestamp=later, reason="local")
    await stop_session(station, stop, later)
    await stop_session(
        station, StopReport(transaction_id=999_999, meter_wh=10, timestamp=later, reason="reboot"), later
    )
    await _superseded(station, later)
    await _commands(station, later)
    await _reservations(station, later)
    await _reports(station, later)
    await release(station, later, reason="closed with code 1000")


async def _superseded(station: Station, now: datetime) -> None:
    """Begin a session, and another one at its connector without a stop."""
    for seconds in (0, 1):
        begin = now + timedelta(seconds=seconds)
        report = StartReport(evse_id=2, connector_id=1, id_tag="04A2B3C4", meter_wh=1_520_484, timestamp=begin)
        await start_session(station, report, begin)


async def _commands(station: Station, now: datetime) -> None:
    """Bring a command to each end a command can have; the first one by way of the station."""
    new = NewCommand(
        charge_point_id=STATION,
        action="Reset",
        payload={"type": "Soft"},
        requested_by="docs_operator",
        lifetime=timedelta(minutes=5),
    )
    command, _ = await store_command(TENANT, new, now)
    sent = await take_to_send(station, command, seconds=30, now=now)
    assert sent is not None
    await end_command(station, sent, CommandState.ACCEPTED, now, response={"status": "Accepted"})
    message = TriggeredMessage(action="Heartbeat", message_id="17", evse_id=None, received_at=now)
    await record_triggered(station, sent["_id"], message)
    for state in CommandState:
        if state.value not in (*OPEN, CommandState.ACCEPTED.value):
            command, _ = await store_command(TENANT, new, now)
            await end_command(station, command, state, now)


async def _reports(station: Station, now: datetime) -> None:
    await record_report(station, FIRMWARE, "downloading", request_id=None, actions=(), now=now)
    await record_report(station, LOGS, "uploaded", request_id=1, actions=(), now=now)
    await record_security_event(station, "TamperDetectionActivated", now, "door contact 2", now)
    await record_refused(station, "a request", "the key is weak", now)


async def _reservations(station: Station, now: datetime) -> None:
    """Bring a reservation to each end a reservation can have."""
    for number, state, answer in (
        (1, CommandState.ACCEPTED, "accepted"),
        (2, CommandState.ACCEPTED, "accepted"),
        (3, CommandState.ACCEPTED, "accepted"),
        (4, CommandState.REJECTED, "occupied"),
        (5, CommandState.FAILED, ""),
    ):
        request = ReservationRequest(
            reservation_id=number,
            evse_id=1,
            id_tag="04A2B3C4",
            parent_id_tag="",
            expires_at=now + timedelta(hours=1),
        )
        command = {"_id": f"c{number}", "state": state.value, "requested_by": "docs_operator", "created_at": now}
        unit = station.unit_of_work()
        settle_request(unit, station, request, command | {"error": None}, answer=answer, now=now)
        if number == 1:
            settle_cancellation(unit, station, number, "requested", now)
        await unit.commit()
    await use_reservation(station, 2, "34ce29e9fab9e6ced4e7320bcbef6381", now, now)
    remaining = await find_reservation(station, 3)
    assert remaining is not None
    await expire_reservation(station, remaining, now)


async def _status(station: Station, state: ConnectorState, now: datetime) -> None:
    await record_status(station, StatusReport(evse_id=1, connector_id=1, state=state, at=now), now)


def _samples() -> list[dict[str, Any]]:
    return [
        {"measurand": "Energy.Active.Import.Register", "value": 1_520_484, "unit": "Wh"},
        {"measurand": "Power.Active.Import", "value": 11_040, "unit": "W", "location": "Outlet"},
        {"measurand": "Current.Import", "value": 16.0, "unit": "A", "phase": "L1"},
    ]
