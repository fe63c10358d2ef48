"""Settings of the station (OCPP 1.6 §5.3, §5.8): all read, some read, changed, and a change refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.scene import Scene


def setting(key: str, value: str, readonly: bool = False) -> dict[str, Any]:
    return {"key": key, "value": value, "readonly": readonly}


async def test_all_settings_are_read(scene: Scene) -> None:
    told = {"configurationKey": [setting("HeartbeatInterval", "300"), setting("NumberOfConnectors", "2", True)]}
    sent, command = await scene.ask("get-configuration", {}, "GetConfiguration", told)
    assert (sent, command["response"]) == ({}, told)
    shown = await scene.rest.get(f"{scene.path}/configuration")
    assert (shown["HeartbeatInterval"]["value"], shown["NumberOfConnectors"]["readonly"]) == ("300", True)


async def test_one_setting_is_read_and_another_is_unknown(scene: Scene) -> None:
    told = {"configurationKey": [setting("HeartbeatInterval", "300")], "unknownKey": ["Nonsense"]}
    body = {"keys": ["HeartbeatInterval", "Nonsense"]}
    sent, command = await scene.ask("get-configuration", body, "GetConfiguration", told)
    assert sent == {"key": ["HeartbeatInterval", "Nonsense"]}
    assert command["response"]["unknownKey"] == ["Nonsense"]
    assert "Nonsense" not in await scene.rest.get(f"{scene.path}/configuration")


async def test_a_setting_is_changed(scene: Scene) -> None:
    body = {"key": "MeterValueSampleInterval", "value": "30"}
    sent, command = await scene.ask("change-configuration", body, "ChangeConfiguration", {"status": "Accepted"})
    assert (sent, command["state"]) == (body, "accepted")
    shown = await scene.rest.get(f"{scene.path}/configuration")
    assert shown["MeterValueSampleInterval"]["value"] == "30"


@pytest.mark.parametrize("answer", ["Rejected", "NotSupported"])
async def test_a_change_is_refused(scene: Scene, answer: str) -> None:
    body = {"key": "MeterValueSampleInterval", "value": "-1"}
    assert await scene.asked("change-configuration", body, "ChangeConfiguration", {"status": answer}) == "rejected"
    assert "MeterValueSampleInterval" not in await scene.rest.get(f"{scene.path}/configuration")


async def test_a_change_that_wants_a_reboot(scene: Scene) -> None:
    body = {"key": "WebSocketPingInterval", "value": "20"}
    await scene.asked("change-configuration", body, "ChangeConfiguration", {"status": "RebootRequired"})
    shown = (await scene.rest.get(f"{scene.path}/configuration"))["WebSocketPingInterval"]
    assert (shown["pending_value"], shown["reboot_required"]) == ("20", True)
    await scene.boot()
    told = {"configurationKey": [setting("WebSocketPingInterval", "20")]}
    await scene.station.obey("GetConfiguration", told)  # asked after every boot
    await scene.event("command.accepted", action="GetConfiguration")
    shown = (await scene.rest.get(f"{scene.path}/configuration"))["WebSocketPingInterval"]
    assert (shown["value"], shown.get("reboot_required", False)) == ("20", False)
