"""SignedFirmwareStatusNotification (OCPP 1.6 § security white paper): how far a signed update has come."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chargepoints.station import Station
from chargepoints.station_jobs import FIRMWARE, record_report
from ocpp_gateway.handlers.v16.firmware_status_notification import STATUSES
from ocpp_gateway.handlers.v16.wire import integer
from ocpp_gateway.station_jobs import FIRMWARE_ACTIONS


async def handle(station: Station, payload: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return the empty answer once the status is durable."""
    status = STATUSES[payload["status"]]
    request_id = integer(payload, "requestId") if "requestId" in payload else None
    await record_report(station, FIRMWARE, status.value, request_id=request_id, actions=FIRMWARE_ACTIONS, now=now)
    return {}
