"""A second connection of a station during a remote start: it is worth what its key is worth."""

from __future__ import annotations

import asyncio

from chargepoints.credentials import new_key
from tests.gateway.commanded import asked
from tests.gateway.rest_caller import rest_of
from tests.gateway.v16.charging import start
from tests.limits.conftest import connected, knock, noticed
from tests.people import Installed, Operator
from tests.serving import Gateway


async def test_with_a_wrong_key(pair: list[Gateway], charger: Installed, anna: Operator, address: str) -> None:
    station, rest, tag = await connected(pair[0], charger, "127.0.0.1"), rest_of(anna, pair[1]), anna.issues()
    body = {"action": "RemoteStartTransaction", "payload": {"connectorId": 1, "idTag": tag}}
    path = f"chargepoints/{charger.identity}/commands?wait=30"
    waiting = asyncio.create_task(rest.post(path, body, status=200))
    call = await asked(station, "RemoteStartTransaction")
    answers = [await knock(pair[n % 2], charger, address, key=new_key()) for n in range(8)]
    assert {answer.status for answer in answers} == {401, 429}
    await call.answer(status="Accepted")
    assert (await waiting)["state"] == "accepted"
    await station.assert_replied("StartTransaction", start(tag))
    assert anna.only_session(charger.identity)["status"] == "active"
    await station.socket.close()


async def test_with_the_right_key(pair: list[Gateway], charger: Installed, anna: Operator) -> None:
    """The command went to the one before: it ends, and is sent to nobody twice."""
    old, rest, tag = await connected(pair[0], charger, "127.0.0.7"), rest_of(anna, pair[1]), anna.issues()
    body = {"action": "RemoteStartTransaction", "payload": {"connectorId": 1, "idTag": tag}}
    path = f"chargepoints/{charger.identity}/commands?wait=30"
    waiting = asyncio.create_task(rest.post(path, body, status=200))
    await asked(old, "RemoteStartTransaction")
    new = await connected(pair[1], charger, "127.0.0.8")
    assert await old.closed() == 1008
    ended = await waiting
    assert (ended["state"], ended["error"]["code"]) == ("failed", "ConnectionLost")
    await new.assert_replied("Heartbeat")
    await new.assert_silent()
    [event] = await noticed(anna, charger, "ConnectionTakenOver")
    assert "127.0.0.8" in event["tech_info"]
    await new.socket.close()
