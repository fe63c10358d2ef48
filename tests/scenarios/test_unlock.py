"""UnlockConnector (OCPP 1.6 §5.18) in its five variants."""

from __future__ import annotations

import pytest

from tests.scenarios.scene import Scene


@pytest.mark.parametrize(
    "answer, state",
    [("Unlocked", "accepted"), ("UnlockFailed", "rejected"), ("NotSupported", "rejected")],
    ids=["no session", "it fails", "a fixed cable"],
)
async def test_unlock_without_a_session(scene: Scene, answer: str, state: str) -> None:
    await scene.reports("Available")
    sent, command = await scene.ask("unlock", {"evse_id": 1}, "UnlockConnector", {"status": answer})
    assert sent == {"connectorId": 1}
    assert (command["state"], command["response"]) == (state, {"status": answer})


async def test_unlock_ends_the_session(scene: Scene) -> None:
    number = await scene.starts(await scene.token())
    await scene.reports("Charging")
    assert await scene.asked("unlock", {"evse_id": 1}, "UnlockConnector", {"status": "Unlocked"}) == "accepted"
    await scene.stops(number, "UnlockCommand")
    await scene.reports("Finishing")
    await scene.reports("Available")
    session = await scene.session(number)
    assert (session["status"], session["stop_reason"]) == ("completed", "unlock_command")


async def test_unlock_of_a_connector_that_is_not_there(scene: Scene) -> None:
    _, command = await scene.ask("unlock", {"evse_id": 9}, "UnlockConnector", {"status": "NotSupported"})
    assert command["state"] == "rejected"
