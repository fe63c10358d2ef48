"""DataTransfer both ways (OCPP 1.6 §4.3, §5.6)."""

from __future__ import annotations

import pytest

from tests.scenarios.scene import Scene


@pytest.mark.parametrize(
    "answer, state",
    [
        ({"status": "Accepted", "data": "42"}, "accepted"),
        ({"status": "Rejected"}, "rejected"),
        ({"status": "UnknownVendorId"}, "rejected"),
        ({"status": "UnknownMessageId"}, "rejected"),
    ],
    ids=lambda value: value if isinstance(value, str) else value["status"],
)
async def test_to_the_station(scene: Scene, answer: dict[str, str], state: str) -> None:
    body = {"vendor_id": "com.example", "message_id": "display", "data": "Hello"}
    sent, command = await scene.ask("data-transfer", body, "DataTransfer", answer)
    assert sent == {"vendorId": "com.example", "messageId": "display", "data": "Hello"}
    assert (command["state"], command["response"]) == (state, answer)


async def test_from_the_station_of_an_unknown_vendor(scene: Scene) -> None:
    payload = {"vendorId": "com.unknown", "data": "x"}
    await scene.station.assert_replied("DataTransfer", payload, {"status": "UnknownVendorId"})
