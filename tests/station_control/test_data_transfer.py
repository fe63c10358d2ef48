"""DataTransfer both ways: vendors' messages handled by a user's own app, and sent as commands."""

from __future__ import annotations

import pytest

from chargepoints.vendor_messages import HandlerExists, VendorAnswer, forget_vendor_message, on_vendor_message
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.rest_client import Rest
from tests.station import Station
from tests.vendor_app.messages import VENDOR


async def test_a_message_is_handled_by_the_app_that_has_registered_for_it(
    station: Station, charger: Installed, anna: Operator, boris: Operator
) -> None:
    payload = {"vendorId": VENDOR.upper(), "messageId": "note", "data": "hello"}
    await station.assert_replied("DataTransfer", payload, {"status": "Accepted", "data": "kept hello"})
    assert anna.db["vendor_notes"].find_one({"_id": f"{charger.identity}/hello"}) is not None
    assert boris.db["vendor_notes"].count_documents({}) == 0


async def test_the_app_may_refuse(station: Station) -> None:
    await station.assert_replied("DataTransfer", {"vendorId": VENDOR, "messageId": "Refused"}, {"status": "Rejected"})


@pytest.mark.parametrize("message", [{}, {"messageId": "Unheard"}])
async def test_an_unknown_message_of_a_known_vendor_is_told_apart_from_an_unknown_vendor(
    station: Station, message: dict[str, str]
) -> None:
    await station.assert_replied("DataTransfer", {"vendorId": VENDOR, **message}, {"status": "UnknownMessageId"})
    await station.assert_replied("DataTransfer", {"vendorId": "other", **message}, {"status": "UnknownVendorId"})


async def test_a_handler_without_message_id_takes_all_of_its_vendor(station: Station) -> None:
    payload = {"vendorId": "org.example.any", "messageId": "x.$y"}
    await station.assert_replied("DataTransfer", payload, {"status": "Accepted", "data": "x.$y"})


@pytest.mark.parametrize(
    "answer, state",
    [
        ({"status": "Accepted", "data": "42"}, "accepted"),
        ({"status": "Rejected"}, "rejected"),
        ({"status": "UnknownVendorId"}, "rejected"),
        ({"status": "UnknownMessageId"}, "rejected"),
    ],
)
async def test_one_is_sent_as_a_command(
    station: Station, rest: Rest, mqtt: Capture, answer: dict[str, str], state: str
) -> None:
    body = {"vendor_id": VENDOR, "message_id": "Ask", "data": "?"}
    asking = rest.asking(station.identity, "data-transfer", body)
    sent = await station.obey("DataTransfer", answer)
    assert sent == {"vendorId": VENDOR, "messageId": "Ask", "data": "?"}
    command = await asking
    assert (command["state"], command["response"]) == (state, answer)
    await mqtt.assert_event(station.identity, f"command.{state}", action="DataTransfer")


def test_two_handlers_for_one_message_are_refused() -> None:
    on_vendor_message("org.example.twice", "M")(lambda message: VendorAnswer())
    try:
        with pytest.raises(HandlerExists, match="twice"):
            on_vendor_message("ORG.example.twice", "m")(lambda message: VendorAnswer())
    finally:
        forget_vendor_message("org.example.twice", "M")
