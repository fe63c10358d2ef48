"""StatusNotification (OCPP 1.6 §4.9): a connector, or with connector 0 the station, changes its state."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chargepoints.models import ConnectorState
from chargepoints.station import Station
from chargepoints.status import StatusReport, record_status
from ocpp_gateway.handlers.v16.wire import integer, place
from ocpp_gateway.protocol.errors import ErrorCode, OcppError
from ocpp_gateway.protocol.timestamps import parse_time

_STATES = {
    "Available": ConnectorState.AVAILABLE,
    "Preparing": ConnectorState.PREPARING,
    "Charging": ConnectorState.CHARGING,
    "SuspendedEV": ConnectorState.SUSPENDED_EV,
    "SuspendedEVSE": ConnectorState.SUSPENDED_EVSE,
    "Finishing": ConnectorState.FINISHING,
    "Reserved": ConnectorState.RESERVED,
    "Unavailable": ConnectorState.UNAVAILABLE,
    "Faulted": ConnectorState.FAULTED,
}
_NO_ERROR = "NoError"
# More than any station has; what a station invents beyond it must not fill the database and its retained status.
LAST_CONNECTOR = 1000


async def handle(station: Station, payload: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return the empty answer once the state is durable."""
    evse_id, connector_id = place(_connector(payload))
    error_code = payload["errorCode"]
    report = StatusReport(
        evse_id=evse_id,
        connector_id=connector_id,
        state=_STATES[payload["status"]],
        error_code="" if error_code == _NO_ERROR else error_code,
        info=payload.get("info", ""),
        vendor_error_code=payload.get("vendorErrorCode", ""),
        at=parse_time(payload["timestamp"]) if "timestamp" in payload else now,
    )
    await record_status(station, report, now)
    return {}


def _connector(payload: dict[str, Any]) -> int:
    number = integer(payload, "connectorId")
    if not 0 <= number <= LAST_CONNECTOR:
        raise OcppError(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, f"connectorId: there is no connector {number}")
    return number
