"""StopTransaction (OCPP 1.6 §4.10): the energy has flowed. Never refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chargepoints.station import Station
from ocpp_gateway.handlers.v16.id_tag_info import id_tag_info
from ocpp_gateway.handlers.v16.wire import integer, readings
from ocpp_gateway.protocol.timestamps import parse_time
from sessions_app.transactions import StopReport, stop_session

_REASONS = {
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
# OCPP 1.6 §7.36: a stop without a reason was asked for at the station.
_DEFAULT_REASON = "Local"


async def handle(station: Station, payload: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return the verdict on the tag if one was presented, once the end of the session is durable."""
    report = StopReport(
        transaction_id=integer(payload, "transactionId"),
        meter_wh=integer(payload, "meterStop"),
        timestamp=parse_time(payload["timestamp"]),
        reason=_REASONS[payload.get("reason", _DEFAULT_REASON)],
        id_tag=payload.get("idTag", ""),
        readings=readings(payload.get("transactionData", [])),
    )
    verdict = await stop_session(station, report, now)
    return {} if verdict is None else {"idTagInfo": id_tag_info(verdict)}
