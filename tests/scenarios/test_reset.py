"""Reset (OCPP 1.6 §5.14): hard and soft, with and without a running transaction."""

from __future__ import annotations

import pytest

from tests.scenarios.scene import Scene

KINDS = [("hard", "Hard", "HardReset", "hard_reset"), ("soft", "Soft", "SoftReset", "soft_reset")]


@pytest.mark.parametrize("kind, word, reason, stop_reason", KINDS, ids=["hard", "soft"])
async def test_reset_while_charging(scene: Scene, kind: str, word: str, reason: str, stop_reason: str) -> None:
    number = await scene.starts(await scene.token())
    await scene.reports("Charging")
    sent, command = await scene.ask("reset", {"type": kind}, "Reset", {"status": "Accepted"})
    assert (sent, command["state"]) == ({"type": word}, "accepted")
    await scene.stops(number, reason)
    await scene.station.drop()
    await scene.event("charge_point.disconnected")
    await scene.reconnect()
    await scene.boot()
    await scene.reports("Available")
    session = await scene.session(number)
    assert (session["status"], session["stop_reason"]) == ("completed", stop_reason)


@pytest.mark.parametrize("kind, word, reason, stop_reason", KINDS, ids=["hard", "soft"])
async def test_reset_while_idle(scene: Scene, kind: str, word: str, reason: str, stop_reason: str) -> None:
    assert await scene.asked("reset", {"type": kind}, "Reset", {"status": "Accepted"}) == "accepted"
    await scene.station.drop()
    await scene.event("charge_point.disconnected")
    await scene.reconnect()
    await scene.event("charge_point.connected")
    await scene.boot()
    await scene.reports("Available")


async def test_a_hard_reset_that_leaves_the_stop_for_after_the_boot(scene: Scene) -> None:
    number = await scene.starts(await scene.token())
    assert await scene.asked("reset", {"type": "hard"}, "Reset", {"status": "Accepted"}) == "accepted"
    await scene.station.drop()
    await scene.event("charge_point.disconnected")
    await scene.reconnect()
    await scene.boot()
    await scene.stops(number, "HardReset", meterStop=1200)
    assert (await scene.session(number))["energy_wh"] == 200


async def test_reset_rejected(scene: Scene) -> None:
    number = await scene.starts(await scene.token())
    assert await scene.asked("reset", {"type": "soft"}, "Reset", {"status": "Rejected"}) == "rejected"
    assert (await scene.session(number))["status"] == "active"
