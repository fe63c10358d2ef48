"""TriggerMessage and its extended form (OCPP 1.6 §5.17; security white paper A03)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.scene import Scene, ago

METER = {"timestamp": "2026-05-01T10:00:00Z", "sampledValue": [{"value": "1", "context": "Trigger"}]}
METER_VALUES = {"connectorId": 1, "meterValue": [METER]}
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}


@pytest.mark.parametrize(
    "body, word, action, payload",
    [
        ({"message": "heartbeat"}, "Heartbeat", "Heartbeat", {}),
        ({"message": "status", "evse_id": 1}, "StatusNotification", "StatusNotification", STATUS),
        (
            {"message": "meter_values", "evse_id": 1},
            "MeterValues",
            "MeterValues",
            {"connectorId": 1, "meterValue": [METER]},
        ),
        ({"message": "diagnostics_status"}, *2 * ("DiagnosticsStatusNotification",), {"status": "Idle"}),
        ({"message": "firmware_status"}, *2 * ("FirmwareStatusNotification",), {"status": "Idle"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_message_is_triggered(scene: Scene, body: Any, word: str, action: str, payload: Any) -> None:
    sent, command = await scene.ask("trigger", body, "TriggerMessage", {"status": "Accepted"})
    assert sent == {"requestedMessage": word, **({"connectorId": 1} if "evse_id" in body else {})}
    await scene.station.assert_replied(action, payload)
    event = await scene.event("command.triggered", command_id=command["id"])
    assert event.data["action"] == action
    shown = await scene.rest.get(f"commands/{command['id']}")
    assert [one["action"] for one in shown["triggered"]] == [action]


@pytest.mark.parametrize("answer", ["Rejected", "NotImplemented"])
async def test_a_trigger_is_refused(scene: Scene, answer: str) -> None:
    body = {"message": "meter_values", "evse_id": 9}
    _, command = await scene.ask("trigger", body, "TriggerMessage", {"status": answer})
    assert (command["state"], command["response"]) == ("rejected", {"status": answer})
    value = {"timestamp": ago(seconds=1), "sampledValue": [{"value": "1"}]}
    await scene.station.assert_replied("MeterValues", {"connectorId": 1, "meterValue": [value]}, {})
    assert (await scene.rest.get(f"commands/{command['id']}"))["triggered"] == []


async def test_the_extended_form(scene: Scene) -> None:
    answer = {"status": "Accepted"}
    sent, command = await scene.ask("extended-trigger", {"message": "log_status"}, "ExtendedTriggerMessage", answer)
    assert sent == {"requestedMessage": "LogStatusNotification"}
    await scene.station.assert_replied("LogStatusNotification", {"status": "Idle"}, {})
    await scene.event("command.triggered", command_id=command["id"])
