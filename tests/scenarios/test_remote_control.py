"""Remote start and stop (OCPP 1.6 §5.11, §5.12): what is agreed to, refused, and what comes to nothing."""

from __future__ import annotations

import pytest

from tests.scenarios.scene import Scene

ACCEPTED, REJECTED = {"status": "Accepted"}, {"status": "Rejected"}


async def remote_start(scene: Scene, tag: str, **more: int) -> str:
    """Have a session started remotely, which the station agrees to; return the command's state."""
    sent, command = await scene.ask("remote-start", {"id_tag": tag, **more}, "RemoteStartTransaction", ACCEPTED)
    assert sent == {"idTag": tag, **({"connectorId": more["evse_id"]} if more else {})}
    return str(command["state"])


async def test_remote_start_with_the_cable_plugged_in_first(scene: Scene) -> None:
    tag = await scene.token()
    await scene.reports("Preparing")
    assert await remote_start(scene, tag, evse_id=1) == "accepted"
    await scene.authorizes(tag)
    number = await scene.starts(tag)
    await scene.reports("Charging")
    assert (await scene.session(number))["id_tag"] == tag


async def test_remote_start_before_the_cable_is_plugged_in(scene: Scene) -> None:
    tag = await scene.token()
    assert await remote_start(scene, tag) == "accepted"
    await scene.authorizes(tag)
    await scene.reports("Preparing")
    number = await scene.starts(tag)
    await scene.reports("Charging")
    assert (await scene.session(number))["status"] == "active"


async def test_remote_start_and_nobody_plugs_in(scene: Scene) -> None:
    """The station agrees, waits for its ConnectionTimeOut, and is available again."""
    tag = await scene.token()
    assert await remote_start(scene, tag, evse_id=1) == "accepted"
    await scene.authorizes(tag)
    await scene.reports("Preparing")
    await scene.reports("Available")
    assert scene.operator.sessions(scene.identity) == []


async def test_remote_start_with_a_tag_that_may_not_charge(scene: Scene) -> None:
    """AuthorizeRemoteTxRequests: the station asks, is told no, and does not start."""
    tag = await scene.token(status="blocked")
    assert await remote_start(scene, tag, evse_id=1) == "accepted"
    await scene.authorizes(tag, "Blocked")
    await scene.reports("Available")
    assert scene.operator.sessions(scene.identity) == []


@pytest.mark.parametrize("why", ["an occupied connector", "a connector that is not there"])
async def test_remote_start_rejected(scene: Scene, why: str) -> None:
    body = {"id_tag": await scene.token(), "evse_id": 1 if why == "an occupied connector" else 9}
    if why == "an occupied connector":
        await scene.starts(await scene.token("Other" + scene.identity[-10:].replace("_", "")))
        await scene.reports("Charging")
    sent, command = await scene.ask("remote-start", body, "RemoteStartTransaction", REJECTED)
    assert sent["connectorId"] == body["evse_id"]
    assert (command["state"], command["response"]) == ("rejected", REJECTED)


async def test_remote_start_that_the_station_cannot(scene: Scene) -> None:
    body = {"id_tag": await scene.token()}
    _, command = await scene.ask("remote-start", body, "RemoteStartTransaction", "InternalError")
    assert (command["state"], command["error"]["code"]) == ("failed", "InternalError")


async def test_remote_start_that_the_connection_does_not_survive(scene: Scene) -> None:
    """The station goes before it answers: the operator is told, and the command is not sent again."""
    asking = scene.rest.asking(scene.identity, "remote-start", {"id_tag": await scene.token()})
    await scene.station.expect("RemoteStartTransaction")
    await scene.station.drop()
    command = await asking
    assert (command["state"], command["error"]["code"]) == ("failed", "ConnectionLost")
    await scene.event("command.failed", command_id=command["id"])
    await scene.reconnect()
    await scene.station.assert_silent()


async def test_remote_stop(scene: Scene) -> None:
    tag = await scene.token()
    number = await scene.starts(tag)
    await scene.reports("Charging")
    sent, command = await scene.ask("remote-stop", {"transaction_id": number}, "RemoteStopTransaction", ACCEPTED)
    assert (sent, command["state"]) == ({"transactionId": number}, "accepted")
    await scene.stops(number, "Remote")
    await scene.reports("Finishing")
    await scene.reports("Available")
    session = await scene.session(number)
    assert (session["status"], session["stop_reason"], session["energy_wh"]) == ("completed", "remote", 5000)


async def test_remote_stop_rejected(scene: Scene) -> None:
    """A transaction that the station does not have; the one that runs goes on."""
    number = await scene.starts(await scene.token())
    body = {"transaction_id": number + 1000}
    _, command = await scene.ask("remote-stop", body, "RemoteStopTransaction", REJECTED)
    assert command["state"] == "rejected"
    assert (await scene.session(number))["status"] == "active"
