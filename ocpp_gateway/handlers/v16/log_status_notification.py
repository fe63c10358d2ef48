"""LogStatusNotification (OCPP 1.6 § security white paper): how far an upload of a log has come."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chargepoints.models import LogStatus
from chargepoints.station import Station
from chargepoints.station_jobs import LOGS, record_report
from ocpp_gateway.handlers.v16.wire import integer
from ocpp_gateway.station_jobs import LOG_ACTIONS

_STATUSES = {
    "BadMessage": LogStatus.BAD_MESSAGE,
    "Idle": LogStatus.IDLE,
    "NotSupportedOperation": LogStatus.NOT_SUPPORTED,
    "PermissionDenied": LogStatus.PERMISSION_DENIED,
    "Uploaded": LogStatus.UPLOADED,
    "UploadFailure": LogStatus.UPLOAD_FAILED,
    "Uploading": LogStatus.UPLOADING,
}


async def handle(station: Station, payload: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return the empty answer once the status is durable."""
    request_id = integer(payload, "requestId") if "requestId" in payload else None
    await record_report(
        station, LOGS, _STATUSES[payload["status"]].value, request_id=request_id, actions=LOG_ACTIONS, now=now
    )
    return {}
