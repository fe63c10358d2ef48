"""MeterValues (OCPP 1.6 §4.7): what a station measured, with or without a transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chargepoints.station import Station
from ocpp_gateway.handlers.v16.wire import integer, place, readings
from sessions_app.meter_values import MeterReport, record_meter_values


async def handle(station: Station, payload: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return the empty answer once the values are durable."""
    evse_id, connector_id = place(integer(payload, "connectorId"))
    report = MeterReport(
        evse_id=evse_id,
        connector_id=connector_id,
        transaction_id=integer(payload, "transactionId") if "transactionId" in payload else None,
        readings=readings(payload["meterValue"]),
    )
    await record_meter_values(station, report, now)
    return {}
