"""DiagnosticsStatusNotification (OCPP 1.6 §4.4): how far an upload of diagnostics has come."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chargepoints.models import LogStatus
from chargepoints.station import Station
from chargepoints.station_jobs import LOGS, record_report
from ocpp_gateway.station_jobs import LOG_ACTIONS

_STATUSES = {
    "Idle": LogStatus.IDLE,
    "Uploaded": LogStatus.UPLOADED,
    "UploadFailed": LogStatus.UPLOAD_FAILED,
    "Uploading": LogStatus.UPLOADING,
}


async def handle(station: Station, payload: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return the empty answer once the status is durable."""
    await record_report(
        station, LOGS, _STATUSES[payload["status"]].value, request_id=None, actions=LOG_ACTIONS, now=now
    )
    return {}
