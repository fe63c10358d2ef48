"""The receiver and the vendor's handler in `docs/extending.md` work as they stand there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from chargepoints.station import Station
from chargepoints.vendor_messages import forget_vendor_message
from events.facts import session_stopped
from ocpp_gateway.handlers.v16 import data_transfer
from tests.docs.pages import blocks, read
from tests.docs.recorded_charge import STATION, TENANT, charge_played


def receiver_on_page() -> dict[str, Any]:
    """Run the page's code and return what it defines; its receiver lives as long as that."""
    (block,) = (block for block in blocks(read("docs/extending.md"), "python") if block.label == "receiver")
    names: dict[str, Any] = {}
    exec(compile(block.text, "docs/extending.md", "exec"), names)  # our own page
    return names


async def test_the_receiver_adds_to_the_daily_energy() -> None:
    names = receiver_on_page()
    try:
        async with charge_played() as database:
            days = await database["daily_energy"].find().to_list()
    finally:
        session_stopped.signal.disconnect(names["add_to_daily_energy"])
    assert {day["_id"].split("/")[0] for day in days} == {STATION}
    # The charge of 184 Wh, and a stop without a start, which counts as none.
    assert sum(day["energy_wh"] for day in days) == 184
    assert sum(day["sessions"] for day in days) == 2


async def test_the_vendor_handler_stores_and_answers() -> None:
    (block,) = (block for block in blocks(read("docs/extending.md"), "python") if block.label == "vendor")
    names: dict[str, Any] = {}
    exec(compile(block.text, "docs/extending.md", "exec"), names)  # our own page
    try:
        async with charge_played() as database:
            station = Station(
                tenant=TENANT, id=STATION, epoch=1, ocpp_version="1.6", registration="accepted", booted=True
            )
            payload = {"vendorId": "com.Example", "messageId": "dooropened"}
            answer = await data_transfer.handle(station, payload, datetime.now(UTC))
            assert answer == {"status": "Accepted", "data": "noted"}
            assert await database["doors"].count_documents({"_id": STATION}) == 1
    finally:
        forget_vendor_message("com.example", "DoorOpened")
