"""Heartbeat (OCPP 1.6 §4.6): a sign of life, answered with our time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chargepoints.station import Station
from ocpp_gateway.protocol.timestamps import format_time


def handle(station: Station, payload: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return our time. That the station lives is noted for every frame, so nothing is stored here."""
    return {"currentTime": format_time(now)}
