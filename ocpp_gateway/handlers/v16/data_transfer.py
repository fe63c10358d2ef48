"""DataTransfer (OCPP 1.6 §4.3): a vendor's own message, for whoever has registered for it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chargepoints.station import Station
from chargepoints.vendor_messages import VendorMessage, VendorStatus, handle_vendor_message

_WORDS = {
    VendorStatus.ACCEPTED: "Accepted",
    VendorStatus.REJECTED: "Rejected",
    VendorStatus.UNKNOWN_VENDOR: "UnknownVendorId",
    VendorStatus.UNKNOWN_MESSAGE: "UnknownMessageId",
}


async def handle(station: Station, payload: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return the handler's answer, or that there is no handler for the vendor or for this message of it."""
    message = VendorMessage(
        station=station,
        vendor_id=payload["vendorId"],
        message_id=payload.get("messageId", ""),
        data=payload.get("data"),
        received_at=now,
        unit=station.unit_of_work(),
    )
    status, data = await handle_vendor_message(message)
    return {"status": _WORDS[status]} | ({} if data is None else {"data": data})
