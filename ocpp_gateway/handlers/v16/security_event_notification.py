"""SecurityEventNotification (OCPP 1.6 § security white paper): something that concerns a station's security."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chargepoints.security_events import record_security_event
from chargepoints.station import Station
from ocpp_gateway.protocol.timestamps import parse_time


async def handle(station: Station, payload: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return the empty answer once the event is durable."""
    at = parse_time(payload["timestamp"])
    await record_security_event(station, payload["type"], at, payload.get("techInfo", ""), now)
    return {}
