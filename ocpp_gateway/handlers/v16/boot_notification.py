"""BootNotification (OCPP 1.6 §4.2): a station reports for duty."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chargepoints.boot import BootFacts, record_boot
from chargepoints.models import Registration
from chargepoints.station import Station
from ocpp_gateway.protocol.timestamps import format_time

_WORDS = {
    Registration.ACCEPTED: "Accepted",
    Registration.PENDING: "Pending",
    Registration.REJECTED: "Rejected",
}


async def handle(station: Station, payload: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return the registration, our time, and the interval in seconds that goes with it."""
    boot = BootFacts(
        vendor=payload["chargePointVendor"],
        model=payload["chargePointModel"],
        # chargeBoxSerialNumber is the deprecated name of the same thing.
        serial_number=payload.get("chargePointSerialNumber") or payload.get("chargeBoxSerialNumber", ""),
        firmware_version=payload.get("firmwareVersion", ""),
        iccid=payload.get("iccid", ""),
        imsi=payload.get("imsi", ""),
        meter_type=payload.get("meterType", ""),
        meter_serial_number=payload.get("meterSerialNumber", ""),
    )
    registration, interval = await record_boot(station, boot, now)
    return {"status": _WORDS[registration], "currentTime": format_time(now), "interval": interval}
