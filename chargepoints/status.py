"""A connector, or the station as a whole, changes its state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chargepoints.connection import CHARGE_POINTS, CONNECTORS
from chargepoints.models import ConnectorState
from chargepoints.reservations import follow_status
from chargepoints.station import StaleConnection, Station
from events.facts import connector_status_changed
from tenants.group_commit import NothingMatched


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """What a station says of one connector; EVSE 0 is the station itself.

    Attributes:
        at: when the state began, by the station's clock, or when it was received.
    """

    evse_id: int
    connector_id: int
    state: ConnectorState
    error_code: str = ""
    info: str = ""
    vendor_error_code: str = ""
    at: datetime


async def record_status(station: Station, report: StatusReport, now: datetime) -> None:
    """Store and announce a state.

    Raises:
        StaleConnection: another connection owns the station now; nothing was stored.
    """
    before = station.connectors.get((report.evse_id, report.connector_id), {}).get("status", "")
    unit = station.unit_of_work()
    station.fence(unit, now)
    if report.evse_id == 0:
        station.status = report.state.value
        change = {"status": report.state.value, "error_code": report.error_code}
        unit.update(CHARGE_POINTS, {"_id": station.id}, {"$set": change})
    else:
        unit.update(CONNECTORS, {"_id": _key(station, report)}, _connector_change(station, report), upsert=True)
        _remember(station, report)
    station.announce(
        unit,
        connector_status_changed,
        report.at,
        {
            "evse_id": report.evse_id,
            "connector_id": report.connector_id,
            "status": report.state.value,
            "error_code": report.error_code,
            "info": report.info,
            "vendor_error_code": report.vendor_error_code,
        },
    )
    station.announce_status(unit, now)
    try:
        await unit.commit()
    except NothingMatched:
        raise StaleConnection(station.id) from None
    await follow_status(station, report.evse_id, before, report.state.value, now)


def _key(station: Station, report: StatusReport) -> str:
    return f"{station.id}/{report.evse_id}/{report.connector_id}"


def _connector_change(station: Station, report: StatusReport) -> dict[str, dict[str, object]]:
    return {
        "$set": {
            "status": report.state.value,
            "error_code": report.error_code,
            "info": report.info,
            "vendor_error_code": report.vendor_error_code,
            "updated_at": report.at,
        },
        "$setOnInsert": {
            "charge_point_id": station.id,
            "evse_id": report.evse_id,
            "connector_id": report.connector_id,
            "type": "",
            "max_power": None,
        },
    }


def _remember(station: Station, report: StatusReport) -> None:
    station.connectors[report.evse_id, report.connector_id] = {
        "evse_id": report.evse_id,
        "connector_id": report.connector_id,
        "status": report.state.value,
        "error_code": report.error_code,
        "updated_at": report.at,
    }
