"""What the vendor's stations send."""

from __future__ import annotations

from chargepoints.vendor_messages import VendorAnswer, VendorMessage, on_vendor_message

VENDOR = "org.example.tests"


@on_vendor_message(VENDOR, "Note")
async def keep_note(message: VendorMessage) -> VendorAnswer:
    """Keep a note in the tenant's database."""
    note = {"_id": f"{message.station.id}/{message.data}", "received_at": message.received_at}
    message.unit.insert("vendor_notes", note)
    return VendorAnswer(data=f"kept {message.data}")


@on_vendor_message(VENDOR, "Refused")
def refuse(message: VendorMessage) -> VendorAnswer:
    """Say no."""
    return VendorAnswer(accepted=False)


@on_vendor_message("org.example.any")
def take_anything(message: VendorMessage) -> VendorAnswer:
    """Say yes to whatever this vendor sends."""
    return VendorAnswer(data=message.message_id)
