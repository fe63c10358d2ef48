"""DataTransfer (OCPP 1.6 §4.3): a vendor's own message. No vendor is known yet, and the answer says so."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chargepoints.station import Station


def handle(station: Station, payload: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return `UnknownVendorId`, which the specification asks for where a vendor has no implementation."""
    return {"status": "UnknownVendorId"}
