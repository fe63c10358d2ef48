"""StartTransaction (OCPP 1.6 §4.8): energy begins to flow, whatever we answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chargepoints.station import Station
from ocpp_gateway.handlers.v16.id_tag_info import id_tag_info
from ocpp_gateway.handlers.v16.wire import integer, place
from ocpp_gateway.protocol.timestamps import parse_time
from sessions_app.transactions import StartReport, start_session


async def handle(station: Station, payload: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return a transaction id and the verdict on the tag, once the session is durable."""
    evse_id, connector_id = place(integer(payload, "connectorId"))
    report = StartReport(
        evse_id=evse_id,
        connector_id=connector_id,
        id_tag=payload["idTag"],
        meter_wh=integer(payload, "meterStart"),
        timestamp=parse_time(payload["timestamp"]),
        reservation_id=integer(payload, "reservationId") if "reservationId" in payload else None,
    )
    started = await start_session(station, report, now)
    return {"transactionId": started.transaction_id, "idTagInfo": id_tag_info(started.authorization)}
