"""Answers that come after the time was over: kept, and what they say of the station counts."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from chargepoints.credentials import key_matches, new_key
from tests.gateway.conftest import Connect
from tests.people import DEADLINE, Installed, Operator
from tests.rest_client import Rest
from tests.serving import Gateway
from tests.station import Asked, Station, basic

LATER = "2035-05-01T12:00:00Z"
LogIn = Callable[[str], Awaitable[Station]]


@pytest.fixture(scope="session")
def gateways(tmp_path_factory: pytest.TempPathFactory, global_database: None) -> Iterator[dict[str, Gateway]]:
    """A gateway that waits for answers no longer than a second."""
    gateway = Gateway("uvicorn", tmp_path_factory.mktemp("late"), {"OCPP_CALL_TIMEOUT": "1s"})
    try:
        gateway.start()
        yield {gateway.server: gateway}
    finally:
        gateway.stop()


@pytest.fixture
def log_in(connect: Connect, charger: Installed) -> LogIn:
    async def connected(key: str) -> Station:
        return await connect(charger, authorization=basic(charger.identity, key))

    return connected


async def refused(log_in: LogIn, key: str) -> bool:
    """Return whether a key does not open the door."""
    try:
        await log_in(key)
    except InvalidStatus as refusal:
        return refusal.response.status_code == 401
    return False


async def given(rest: Rest, station: Station, key: str) -> Asked:
    """Give a station a key that it does not answer to in time, and return what it was asked."""
    body = {"key": "AuthorizationKey", "value": key}
    asking = rest.asking(station.identity, "change-configuration", body, wait=DEADLINE)
    asked = await station.expect("ChangeConfiguration")
    assert (await asking)["state"] == "timed_out"
    return asked


async def kept(operator: Operator, command: str, name: str) -> Any:
    """Return what is kept of a late answer as soon as it is."""
    commands = operator.db["commands"]
    with commands.watch([{"$match": {"documentKey._id": command}}]) as changes:
        while not (value := (commands.find_one({"_id": command}) or {}).get(name)) or _no_answer(value):
            changes.next()
    return value


def _no_answer(value: Any) -> bool:
    return bool(value.get("code") == "NoAnswer")


async def test_both_keys_work_until_the_late_yes_and_then_the_new_one(
    station: Station, charger: Installed, anna: Operator, rest: Rest
) -> None:
    key = new_key()
    asked = await given(rest, station, key)
    stored = anna.charge_point(charger.identity)
    assert key_matches(stored["credential_hash"], charger.key.encode())
    assert key_matches(stored["credential_next"][0], key.encode())
    await station.reply(asked, {"status": "Accepted"})
    assert await kept(anna, asked.message_id, "response") == {"status": "Accepted"}
    stored = anna.charge_point(charger.identity)
    assert key_matches(stored["credential_hash"], key.encode())
    assert stored["credential_next"] == []
    shown = await rest.get(f"commands/{asked.message_id}")
    assert (shown["state"], shown["response"]) == ("timed_out", {"status": "Accepted"})


async def test_the_new_key_opens_after_the_late_yes_and_the_old_one_does_not(
    station: Station, charger: Installed, anna: Operator, rest: Rest, log_in: LogIn
) -> None:
    key = new_key()
    asked = await given(rest, station, key)
    await station.reply(asked, {"status": "Accepted"})
    await kept(anna, asked.message_id, "response")
    assert await refused(log_in, charger.key)
    await (await log_in(key)).assert_replied("Heartbeat")


@pytest.mark.parametrize("answer", ["Rejected", "NotSupported", "an error"])
async def test_a_late_no_ends_the_new_key(
    *, station: Station, charger: Installed, anna: Operator, rest: Rest, log_in: LogIn, answer: str
) -> None:
    key = new_key()
    asked = await given(rest, station, key)
    if answer == "an error":
        await station.refuse(asked, "InternalError", f"cannot store {key}")
        assert await kept(anna, asked.message_id, "error") == {"code": "InternalError", "description": "***"}
    else:
        await station.reply(asked, {"status": answer})
        await kept(anna, asked.message_id, "response")
    assert await refused(log_in, key)
    await log_in(charger.key)


async def test_a_late_reboot_required_leaves_both_until_the_new_one_is_used(
    station: Station, charger: Installed, anna: Operator, rest: Rest, log_in: LogIn
) -> None:
    key = new_key()
    asked = await given(rest, station, key)
    await station.reply(asked, {"status": "RebootRequired"})
    await kept(anna, asked.message_id, "response")
    await log_in(charger.key)
    await log_in(key)
    assert await refused(log_in, charger.key)


async def test_a_late_yes_to_the_first_of_two_keys_leaves_the_second_open(
    station: Station, charger: Installed, anna: Operator, rest: Rest
) -> None:
    first, second = new_key(), new_key()
    asked = await given(rest, station, first)
    again = await given(rest, station, second)
    await station.reply(asked, {"status": "Accepted"})
    await kept(anna, asked.message_id, "response")
    stored = anna.charge_point(charger.identity)
    assert key_matches(stored["credential_hash"], first.encode())
    (open_key,) = stored["credential_next"]
    assert key_matches(open_key, second.encode())
    await station.reply(again, {"status": "Accepted"})
    await kept(anna, again.message_id, "response")
    stored = anna.charge_point(charger.identity)
    assert key_matches(stored["credential_hash"], second.encode())
    assert stored["credential_next"] == []


async def test_a_setting_that_is_taken_late_is_known(station: Station, anna: Operator, rest: Rest) -> None:
    body = {"key": "HeartbeatInterval", "value": "77"}
    asking = rest.asking(station.identity, "change-configuration", body, wait=DEADLINE)
    asked = await station.expect("ChangeConfiguration")
    assert (await asking)["state"] == "timed_out"
    await station.reply(asked, {"status": "Accepted"})
    await kept(anna, asked.message_id, "response")
    shown = await rest.get(f"chargepoints/{station.identity}/configuration")
    assert shown["HeartbeatInterval"]["value"] == "77"


async def timed_out(rest: Rest, station: Station, verb: str, body: Any, action: str) -> Asked:
    """Ask a station for something that it does not answer to in time, and return what it was asked."""
    asking = rest.asking(station.identity, verb, body, wait=DEADLINE)
    asked = await station.expect(action)
    assert (await asking)["state"] == "timed_out"
    return asked


@pytest.mark.parametrize("answer, state", [("Accepted", "active"), ("Occupied", "refused")])
async def test_a_reservation_that_is_answered_late_is_what_the_station_says(
    *, station: Station, anna: Operator, rest: Rest, answer: str, state: str
) -> None:
    body = {"charge_point_id": station.identity, "evse_id": 1, "id_tag": anna.issues(), "expires_at": LATER}
    made = await rest.post("reservations", body)
    asked = await station.expect("ReserveNow")
    with anna.db["reservations"].watch() as changes:
        while (await rest.get(f"reservations/{made['id']}"))["state"] != "failed":
            changes.next()
    await station.reply(asked, {"status": answer})
    await kept(anna, asked.message_id, "response")
    assert (await rest.get(f"reservations/{made['id']}"))["state"] == state


async def test_a_profile_that_is_taken_late_is_known_as_installed_and_one_cleared_late_is_not(
    station: Station, anna: Operator, rest: Rest
) -> None:
    async def installed() -> list[int]:
        page = await rest.get(f"chargepoints/{station.identity}/charging-profiles")
        return [one["id"] for one in page["results"]]

    profile = {"id": 5, "purpose": "tx_default", "schedule": {"unit": "A", "periods": [{"start": 0, "limit": 6}]}}
    for verb, body, action, known in (
        ("set-charging-profile", {"evse_id": 1, "profile": profile}, "SetChargingProfile", [5]),
        ("clear-charging-profile", {"id": 5}, "ClearChargingProfile", []),
    ):
        asked = await timed_out(rest, station, verb, body, action)
        assert await installed() != known
        await station.reply(asked, {"status": "Accepted"})
        await kept(anna, asked.message_id, "response")
        assert await installed() == known


async def test_settings_that_are_told_late_are_known(station: Station, anna: Operator, rest: Rest) -> None:
    asked = await timed_out(rest, station, "get-configuration", {}, "GetConfiguration")
    setting = {"key": "NumberOfConnectors", "value": "2", "readonly": True}
    await station.reply(asked, {"configurationKey": [setting]})
    await kept(anna, asked.message_id, "response")
    shown = await rest.get(f"chargepoints/{station.identity}/configuration")
    assert shown["NumberOfConnectors"]["value"] == "2"


@pytest.mark.parametrize(
    "payload", ['{"$where":1,"a.b":2}', '{"status":18446744073709551615}', '{"a":' * 500 + "1" + "}" * 500]
)
async def test_a_late_answer_that_is_none_harms_nothing(
    station: Station, anna: Operator, rest: Rest, payload: str
) -> None:
    asking = rest.asking(station.identity, "clear-cache", wait=DEADLINE)
    asked = await station.expect("ClearCache")
    assert (await asking)["state"] == "timed_out"
    await station.send(f"[3,{json.dumps(asked.message_id)},{payload}]")
    assert (await kept(anna, asked.message_id, "error"))["code"] == "InvalidAnswer"
    await station.assert_replied("Heartbeat")
