"""Another key for a station over its connection: both work until it has answered, then the one that it uses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from chargepoints.credentials import key_matches, new_key
from tests.gateway.conftest import Connect
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.rest_client import Rest
from tests.serving import Gateway
from tests.station import Asked, Station, basic

LogIn = Callable[[str | bytes], Awaitable[Station]]


@pytest.fixture
def log_in(connect: Connect, charger: Installed) -> LogIn:
    """`await log_in(key)` connects the station with a key."""

    async def connected(key: str | bytes) -> Station:
        return await connect(charger, authorization=basic(charger.identity, key))

    return connected


async def refused(log_in: LogIn, key: str | bytes) -> bool:
    """Return whether a key does not open the door."""
    try:
        await log_in(key)
    except InvalidStatus as refusal:
        return refusal.response.status_code == 401
    return False


async def given(rest: Rest, station: Station, key: str) -> tuple[Any, Asked]:
    """Have a station given a key; return the task that waits for the command's end, and what the station was asked."""
    asking = rest.asking(station.identity, "change-configuration", {"key": "AuthorizationKey", "value": key})
    return asking, await station.expect("ChangeConfiguration")


async def in_force(operator: Operator, station: str, key: str) -> None:
    """Return when a key is the station's only one."""
    await operator.until(
        station,
        lambda stored: key_matches(stored["credential_hash"], key.encode()) and not stored["credential_next"],
    )


async def test_an_accepted_key_replaces_the_old_one(
    station: Station, charger: Installed, rest: Rest, log_in: LogIn
) -> None:
    key = new_key()
    asking, asked = await given(rest, station, key)
    assert asked.payload == {"key": "AuthorizationKey", "value": key}
    await station.reply(asked, {"status": "Accepted"})
    assert (await asking)["state"] == "accepted"
    assert await refused(log_in, charger.key)
    await log_in(key)
    await log_in(bytes.fromhex(key))


@pytest.mark.parametrize("answer", ["Rejected", "NotSupported", "an error"])
async def test_a_refused_key_never_works(
    station: Station, charger: Installed, rest: Rest, log_in: LogIn, answer: str
) -> None:
    key = new_key()
    asking, asked = await given(rest, station, key)
    if answer == "an error":
        await station.refuse(asked, "InternalError", f"cannot store {key}")
        assert (await asking)["error"] == {"code": "InternalError", "description": "cannot store ***"}
    else:
        await station.reply(asked, {"status": answer})
        assert (await asking)["state"] == "rejected"
    assert await refused(log_in, key)
    await log_in(charger.key)


async def test_both_work_while_it_is_unanswered_and_the_new_one_after_it_was_used(
    station: Station, charger: Installed, anna: Operator, rest: Rest, log_in: LogIn
) -> None:
    """The station takes the key and its connection breaks before the answer."""
    key = new_key()
    asking, _ = await given(rest, station, key)
    await log_in(key)
    command = await asking
    assert (command["state"], command["error"]["code"]) == ("failed", "ConnectionLost")
    await in_force(anna, charger.identity, key)
    assert await refused(log_in, charger.key)


async def test_the_old_one_goes_on_after_a_connection_that_broke(
    station: Station, charger: Installed, anna: Operator, rest: Rest, log_in: LogIn
) -> None:
    """Nobody knows whether the station has the new one: both work until it uses it."""
    key = new_key()
    asking, _ = await given(rest, station, key)
    await log_in(charger.key)
    assert (await asking)["state"] == "failed"
    await log_in(charger.key)
    await log_in(key)
    await in_force(anna, charger.identity, key)
    assert await refused(log_in, charger.key)


async def test_a_key_that_needs_a_reboot_works_beside_the_old_one_until_then(
    station: Station, charger: Installed, rest: Rest, log_in: LogIn
) -> None:
    key = new_key()
    asking, asked = await given(rest, station, key)
    await station.reply(asked, {"status": "RebootRequired"})
    assert (await asking)["state"] == "accepted"
    await log_in(charger.key)
    await log_in(key)
    assert await refused(log_in, charger.key)


async def test_a_key_of_an_operator_ends_them_all(
    station: Station, charger: Installed, rest: Rest, log_in: LogIn
) -> None:
    """What was sent and not answered must not stay a back door."""
    key = new_key()
    asking, _ = await given(rest, station, key)
    issued = (await rest.post(f"chargepoints/{charger.identity}/credentials"))["key"]
    assert await refused(log_in, key)
    assert await refused(log_in, charger.key)
    await log_in(issued)
    await asking


async def test_the_key_is_nowhere_once_it_was_sent(
    station: Station, anna: Operator, rest: Rest, mqtt: Capture, gateway: Gateway
) -> None:
    key = new_key()
    asking, asked = await given(rest, station, key)
    stored = anna.db["commands"].find_one({"_id": asked.message_id})
    assert stored is not None
    assert key not in str(stored)
    await station.reply(asked, {"status": "Accepted"})
    command = await asking
    assert command["payload"] == {"key": "AuthorizationKey", "value": "***"}
    await mqtt.assert_event(station.identity, "command.accepted", action="ChangeConfiguration")
    assert key not in str(mqtt.of(station.identity))
    for collection in anna.db.list_collection_names():
        assert not any(key in str(document) for document in anna.db[collection].find()), collection
    assert key not in str(gateway.new_log())


async def test_a_key_that_the_station_tells_is_not_kept(
    station: Station, anna: Operator, rest: Rest, mqtt: Capture
) -> None:
    key = new_key()
    asking = rest.asking(station.identity, "get-configuration")
    entry = {"key": "AuthorizationKey", "readonly": False, "value": key}
    await station.obey("GetConfiguration", {"configurationKey": [entry]})
    assert (await asking)["response"]["configurationKey"] == [{**entry, "value": "***"}]
    await mqtt.assert_event(station.identity, "command.accepted", action="GetConfiguration")
    assert key not in str(mqtt.of(station.identity))
    assert key not in str(list(anna.db["commands"].find({"charge_point_id": station.identity})))


async def test_a_key_waits_sealed_for_a_station_that_is_offline(
    connect: Connect, charger: Installed, anna: Operator, rest: Rest
) -> None:
    key = new_key()
    path, body = f"chargepoints/{charger.identity}/commands", {"key": "authorizationKey", "value": key}
    command = await rest.post(path, {"action": "ChangeConfiguration", "payload": body})
    assert command["payload"]["value"] == "***"
    station = await connect(charger)
    assert (await station.obey("ChangeConfiguration", {"status": "Accepted"}))["value"] == key
    await in_force(anna, charger.identity, key)


async def test_a_key_that_is_withdrawn_leaves_nothing(charger: Installed, anna: Operator, rest: Rest) -> None:
    key = new_key()
    path, body = f"chargepoints/{charger.identity}/commands", {"key": "AuthorizationKey", "value": key}
    command = await rest.post(path, {"action": "ChangeConfiguration", "payload": body})
    await rest.post(f"commands/{command['id']}/cancel")
    assert key not in str(anna.db["commands"].find_one({"_id": command["id"]}))


@pytest.mark.parametrize("key", ["short", "a" * 40, "0123456789abcdef" * 3])
async def test_a_key_that_is_weak_or_too_long_is_refused(charger: Installed, rest: Rest, key: str) -> None:
    path = f"chargepoints/{charger.identity}/change-configuration"
    problem = await rest.post(path, {"key": "AuthorizationKey", "value": key}, status=400)
    assert "16 to 40" in problem["detail"]
