"""A charge and what comes in between (OCPP 1.6 §3.4, §3.5, §4.8 to §4.10)."""

from __future__ import annotations

import pytest

from tests.scenarios.scene import Scene, ago


async def test_plugged_in_first(scene: Scene) -> None:
    tag = await scene.token()
    await scene.reports("Preparing")
    await scene.authorizes(tag)
    number = await scene.starts(tag)
    await scene.reports("Charging")
    await scene.meters(number, 3500)
    assert (await scene.session(number))["status"] == "active"
    assert await scene.stops(number, idTag=tag) == {"idTagInfo": {"status": "Accepted"}}
    await scene.reports("Finishing")
    await scene.reports("Available")
    session = await scene.session(number)
    assert (session["status"], session["energy_wh"], session["stop_reason"]) == ("completed", 5000, "local")
    assert session["quality"] == []
    scene.mqtt.assert_in_order(scene.identity)


async def test_identified_first(scene: Scene) -> None:
    tag = await scene.token()
    await scene.authorizes(tag)
    await scene.reports("Preparing")
    number = await scene.starts(tag)
    await scene.reports("Charging")
    await scene.stops(number)
    await scene.reports("Finishing")
    await scene.reports("Available")
    assert (await scene.session(number))["energy_wh"] == 5000


async def test_identified_first_and_nobody_plugs_in(scene: Scene) -> None:
    """ConnectionTimeOut passes at the station."""
    tag = await scene.token()
    await scene.authorizes(tag)
    await scene.reports("Preparing")
    await scene.reports("Available")
    assert scene.operator.sessions(scene.identity) == []
    assert scene.events("session.started") == []


async def test_plugged_in_first_and_nobody_identifies(scene: Scene) -> None:
    await scene.reports("Preparing")
    await scene.reports("Available")
    assert scene.operator.sessions(scene.identity) == []


@pytest.mark.parametrize("stops", [True, False], ids=["stops", "suspends"])
async def test_the_vehicle_is_unplugged(scene: Scene, stops: bool) -> None:
    """With StopTransactionOnEVSideDisconnect the station stops; without it the charge waits and goes on."""
    tag = await scene.token()
    body = {"key": "StopTransactionOnEVSideDisconnect", "value": str(stops).lower()}
    await scene.asked("change-configuration", body, "ChangeConfiguration", {"status": "Accepted"})
    number = await scene.starts(tag)
    await scene.reports("Charging")
    if stops:
        await scene.stops(number, "EVDisconnected")
        await scene.reports("Finishing")
    else:
        await scene.reports("SuspendedEV")
        assert (await scene.session(number))["status"] == "active"
        await scene.reports("Charging")
        await scene.stops(number, "Local")
    await scene.reports("Available")
    session = await scene.session(number)
    assert (session["status"], session["energy_wh"]) == ("completed", 5000)
    assert session["stop_reason"] == ("ev_disconnected" if stops else "local")


async def test_a_cached_tag_starts_at_once(scene: Scene) -> None:
    """The station does not ask; the tag is judged at the start all the same."""
    tag = await scene.token()
    await scene.reports("Preparing")
    number = await scene.starts(tag)
    await scene.reports("Charging")
    await scene.stops(number, idTag=tag)
    assert scene.events("session.authorized") == []
    assert (await scene.session(number))["status"] == "completed"


async def test_a_cached_tag_that_was_blocked_meanwhile(scene: Scene) -> None:
    tag = await scene.token()
    await scene.rest.patch(f"id-tokens/{tag}", {"status": "blocked"})
    number = await scene.starts(tag, "Blocked")
    await scene.stops(number, "DeAuthorized", meterStop=1000)
    session = await scene.session(number)
    assert (session["energy_wh"], session["stop_reason"]) == (0, "deauthorized")


async def test_the_connector_cannot_be_locked(scene: Scene) -> None:
    tag = await scene.token()
    await scene.authorizes(tag)
    await scene.reports("Preparing")
    await scene.reports("Faulted", error="ConnectorLockFailure")
    shown = await scene.rest.get(scene.path)
    assert shown["connectors"][0]["error_code"] == "ConnectorLockFailure"
    assert scene.operator.sessions(scene.identity) == []
    await scene.reports("Available")
    assert (await scene.rest.get(scene.path))["connectors"][0]["error_code"] == ""


# -- Power failure -----------------------------------------------------------------------------------


async def test_power_failure_with_the_transaction_stopped_before(scene: Scene) -> None:
    """A station that can, stops its transactions while it still has power."""
    number = await scene.starts(await scene.token())
    await scene.reports("Charging")
    await scene.stops(number, "PowerLoss")
    await scene.station.drop()
    await scene.event("charge_point.disconnected")
    await scene.reconnect()
    await scene.boot()
    await scene.reports("Available")
    assert (await scene.session(number))["stop_reason"] == "power_loss"


async def test_power_failure_with_the_transaction_stopped_after(scene: Scene) -> None:
    """One that cannot, stops them when power is back, with the time and the meter of the loss."""
    number = await scene.starts(await scene.token(), timestamp=ago(minutes=40))
    await scene.reports("Charging")
    await scene.station.drop()
    await scene.event("charge_point.disconnected")
    assert (await scene.session(number))["status"] == "active"
    await scene.reconnect()
    await scene.boot()
    await scene.stops(number, "PowerLoss", timestamp=ago(minutes=20), meterStop=2500)
    await scene.reports("Available")
    session = await scene.session(number)
    assert (session["status"], session["energy_wh"], session["stop_reason"]) == ("completed", 1500, "power_loss")
    assert session["quality"] == ["late"]


async def test_power_failure_of_an_unavailable_station(scene: Scene) -> None:
    """It was taken out of service, and still is after the power failure."""
    body = {"operative": False, "evse_id": 1}
    assert await scene.asked("change-availability", body, "ChangeAvailability", {"status": "Accepted"}) == "accepted"
    await scene.reports("Unavailable")
    await scene.station.drop()
    await scene.event("charge_point.disconnected")
    await scene.reconnect()
    await scene.boot()
    await scene.reports("Unavailable")
    assert (await scene.rest.get(scene.path))["connectors"][0]["status"] == "unavailable"
