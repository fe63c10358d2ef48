"""Smart charging (OCPP 1.6 §3.13): central, local, stacked, cleared, composed, with a remote start."""

from __future__ import annotations

from typing import Any

from tests.scenarios.scene import Scene

ACCEPTED = {"status": "Accepted"}
SCHEDULE = {"unit": "A", "periods": [{"start": 0, "limit": 16.0}]}
WIRE_SCHEDULE = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}]}


def wanted(number: int, purpose: str, **more: Any) -> dict[str, Any]:
    return {"id": number, "purpose": purpose, "schedule": SCHEDULE, **more}


async def give(scene: Scene, evse_id: int, profile: dict[str, Any], answer: str = "Accepted") -> dict[str, Any]:
    """Set a profile, answered by the station, and return what the station was sent."""
    body = {"evse_id": evse_id, "profile": profile}
    sent, command = await scene.ask("set-charging-profile", body, "SetChargingProfile", {"status": answer})
    assert sent["connectorId"] == evse_id
    assert sent["csChargingProfiles"]["chargingSchedule"] == WIRE_SCHEDULE
    assert command["state"] == ("accepted" if answer == "Accepted" else "rejected")
    profile_sent: dict[str, Any] = sent["csChargingProfiles"]
    return profile_sent


async def installed(scene: Scene) -> list[int]:
    """Return the numbers of the profiles that are known to be at the station."""
    page = await scene.rest.get(f"{scene.path}/charging-profiles")
    return [one["id"] for one in page["results"]]


async def test_central_the_running_session_is_limited(scene: Scene) -> None:
    number = await scene.starts(await scene.token())
    await scene.reports("Charging")
    sent = await give(scene, 1, wanted(5, "tx", transaction_id=number))
    assert (sent["chargingProfilePurpose"], sent["transactionId"]) == ("TxProfile", number)
    assert await installed(scene) == [5]
    await scene.stops(number)
    assert await installed(scene) == [], "it went with its session"


async def test_central_without_a_session_is_refused(scene: Scene) -> None:
    await give(scene, 1, wanted(5, "tx", transaction_id=99), "Rejected")
    assert await installed(scene) == []


async def test_local_every_session_is_limited(scene: Scene) -> None:
    sent = await give(scene, 0, wanted(6, "tx_default"))
    assert sent["chargingProfilePurpose"] == "TxDefaultProfile"
    number = await scene.starts(await scene.token())
    await scene.stops(number)
    assert await installed(scene) == [6], "it outlives a session"


async def test_profiles_are_stacked(scene: Scene) -> None:
    assert (await give(scene, 1, wanted(7, "tx_default")))["stackLevel"] == 0
    assert (await give(scene, 1, wanted(8, "tx_default", stack_level=1)))["stackLevel"] == 1
    assert sorted(await installed(scene)) == [7, 8]


async def test_the_composite_schedule(scene: Scene) -> None:
    await give(scene, 1, wanted(9, "tx_default"))
    body = {"evse_id": 1, "duration": 300}
    told = {"status": "Accepted", "connectorId": 1, "chargingSchedule": WIRE_SCHEDULE}
    sent, command = await scene.ask("get-composite-schedule", body, "GetCompositeSchedule", told)
    assert (sent, command["response"]) == ({"connectorId": 1, "duration": 300}, told)


async def test_profiles_are_cleared(scene: Scene) -> None:
    await give(scene, 1, wanted(10, "tx_default"))
    sent, command = await scene.ask("clear-charging-profile", {"id": 10}, "ClearChargingProfile", ACCEPTED)
    assert (sent, command["state"]) == ({"id": 10}, "accepted")
    assert await installed(scene) == []
    _, command = await scene.ask("clear-charging-profile", {"id": 10}, "ClearChargingProfile", {"status": "Unknown"})
    assert command["state"] == "rejected"


async def test_a_remote_start_brings_its_limit(scene: Scene) -> None:
    tag = await scene.token()
    body = {"id_tag": tag, "evse_id": 1, "profile": wanted(11, "tx")}
    sent, command = await scene.ask("remote-start", body, "RemoteStartTransaction", ACCEPTED)
    assert (sent["chargingProfile"]["chargingProfileId"], command["state"]) == (11, "accepted")
    number = await scene.starts(tag)
    await scene.reports("Charging")
    assert (await scene.session(number))["status"] == "active"
