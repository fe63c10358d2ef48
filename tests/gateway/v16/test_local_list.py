"""The local list, driven through REST alone: versions, full and differential updates, refusals (OCPP 1.6 §5.10, §5.15).

A list is due at the next look around (HOUSEKEEPING_INTERVAL).
"""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from tests.gateway.commanded import Asked, asked
from tests.gateway.conftest import Connect
from tests.gateway.rest_caller import RestCaller, path_of, rest_of
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.serving import Gateway
from tests.station import Station


@pytest.fixture
def rest(anna: Operator, gateway: Gateway) -> RestCaller:
    return rest_of(anna, gateway, "admin")


@pytest.fixture
def group() -> str:
    """The name of a group that no other test has."""
    return f"G{secrets.token_hex(4)}"


def info(status: str = "Accepted", **more: str) -> dict[str, str]:
    return {"status": status, **more}


async def give_list(rest: RestCaller, charger: Installed, **choice: Any) -> Any:
    return await rest.patch(path_of("local-lists", charger.identity), choice)


async def read_list(rest: RestCaller, charger: Installed) -> Any:
    return await rest.get(path_of("local-lists", charger.identity))


async def versioned(station: Station, version: int) -> None:
    """Answer the question for the version, which comes first."""
    await (await asked(station, "GetLocalListVersion")).answer(listVersion=version)


async def update_for(station: Station, version: int = 0) -> Asked:
    """Return the first update that a station gets which holds another version than ours, or an empty list."""
    await versioned(station, version)
    return await asked(station, "SendLocalList")


def tags(call: Asked) -> dict[str, Any]:
    """Return the entries of an update by tag; None for those to be removed."""
    return {entry["idTag"]: entry.get("idTagInfo") for entry in call.payload.get("localAuthorizationList", ())}


async def settled(mqtt: Capture, station: Station, number: int) -> None:
    """Return when the answer to the `number`th update is stored, and what follows from it has begun."""
    await mqtt.assert_event(station.identity, "command.accepted", number, action="SendLocalList")


async def test_full_and_then_each_change(
    station: Station, charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture, *, group: str
) -> None:
    ada, bob = anna.issues(parent_id_tag=group), anna.issues(parent_id_tag=group, status="blocked")
    anna.issues()  # of no group, so none of this station's business
    shown = await give_list(rest, charger, mode="group", parent_id_tag=group.lower())
    assert (shown["status"], shown["version"]) == ("pending", 0)

    call = await update_for(station)
    assert (call.payload["updateType"], call.payload["listVersion"]) == ("Full", 1)
    assert tags(call) == {ada: info(parentIdTag=group), bob: info("Blocked", parentIdTag=group)}
    await call.answer(status="Accepted")
    await settled(mqtt, station, 1)
    command = mqtt.of(charger.identity, "command.accepted")[-1].data
    assert command["requested_by"] == "system"

    # A card is blocked; while the station is being told, another one is new and a third is gone.
    await rest.patch(path_of("id-tokens", ada), {"status": "blocked"})
    call = await asked(station, "SendLocalList")
    assert (call.payload["updateType"], call.payload["listVersion"]) == ("Differential", 2)
    assert tags(call) == {ada: info("Blocked", parentIdTag=group)}
    await rest.post("id-tokens", {"id_tag": f"{group}-new", "parent_id_tag": group}, status=201)
    assert (await rest.send("DELETE", path_of("id-tokens", bob))).status == 204
    await station.assert_silent(0.5)  # one update at a time
    await call.answer(status="Accepted")
    call = await asked(station, "SendLocalList")
    assert (call.payload["updateType"], call.payload["listVersion"]) == ("Differential", 3)
    assert tags(call) == {bob.lower(): None, f"{group}-new": info(parentIdTag=group)}
    await call.answer(status="Accepted")
    await settled(mqtt, station, 3)
    await station.assert_silent()
    shown = await read_list(rest, charger)
    assert (shown["status"], shown["version"], shown["entry_count"]) == ("current", 3, 2)

    # And none any more: the list is emptied.
    await give_list(rest, charger, mode="off")
    call = await update_for(station, version=3)
    assert call.payload == {"listVersion": 4, "updateType": "Full"}
    await call.answer(status="Accepted")
    await settled(mqtt, station, 4)
    await station.assert_silent()
    shown = await read_list(rest, charger)
    assert (shown["status"], shown["entry_count"]) == ("off", 0)


async def test_a_change_of_another_group_is_none_of_the_stations_business(
    station: Station, charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture, *, group: str
) -> None:
    anna.issues(parent_id_tag=group)
    other = anna.issues(parent_id_tag=group + "x")
    await give_list(rest, charger, mode="group", parent_id_tag=group)
    await (await update_for(station)).answer(status="Accepted")
    await settled(mqtt, station, 1)
    await rest.patch(path_of("id-tokens", other), {"status": "blocked"})
    await station.assert_silent(1.0)
    assert not anna.db["local_lists"].find_one({"_id": charger.identity, "due": True})


@pytest.mark.parametrize("answer", ["Failed", "VersionMismatch"])
async def test_a_refusal_is_answered_with_a_full_list_once(
    station: Station, charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture, *, group: str, answer: str
) -> None:
    tag = anna.issues(parent_id_tag=group)
    await give_list(rest, charger, mode="group", parent_id_tag=group)
    await (await update_for(station)).answer(status="Accepted")
    await settled(mqtt, station, 1)
    await rest.patch(path_of("id-tokens", tag), {"status": "blocked"})
    call = await asked(station, "SendLocalList")
    assert call.payload["updateType"] == "Differential"
    await call.answer(status=answer)
    if answer == "VersionMismatch":
        await versioned(station, 41)
    call = await asked(station, "SendLocalList")
    assert (call.payload["updateType"], tags(call)) == ("Full", {tag: info("Blocked", parentIdTag=group)})
    assert call.payload["listVersion"] == (42 if answer == "VersionMismatch" else 2)
    await call.answer(status=answer)
    await mqtt.assert_event(charger.identity, "command.rejected", 2, action="SendLocalList")
    await station.assert_silent()
    shown = await read_list(rest, charger)
    assert (shown["status"], shown["answer"]) == (
        "failed",
        "version_mismatch" if answer == "VersionMismatch" else "failed",
    )

    # Somebody asks for it.
    await rest.post(path_of("local-lists", charger.identity) + "/synchronize")
    call = await update_for(station, 42)
    assert (call.payload["updateType"], call.payload["listVersion"]) == ("Full", 43)
    await call.answer(status="Accepted")
    await settled(mqtt, station, 2)


async def test_a_station_without_lists_is_left_alone(
    station: Station, charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture, *, group: str
) -> None:
    tag = anna.issues(parent_id_tag=group)
    await give_list(rest, charger, mode="group", parent_id_tag=group)
    await versioned(station, -1)
    await mqtt.assert_event(charger.identity, "command.accepted", action="GetLocalListVersion")
    assert (await read_list(rest, charger))["status"] == "not_supported"
    await rest.patch(path_of("id-tokens", tag), {"status": "blocked"})
    await station.boot()
    frame = await asked(station, "GetConfiguration")  # which follows every boot; nothing about lists does
    await frame.answer(configurationKey=[])
    await station.assert_silent()


@pytest.mark.parametrize("code", ["", "NotSupported", "NotImplemented"])
async def test_an_update_that_is_not_supported(
    station: Station, charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture, *, group: str, code: str
) -> None:
    anna.issues(parent_id_tag=group)
    await give_list(rest, charger, mode="group", parent_id_tag=group)
    call = await update_for(station)
    if code:
        await call.refuse(code)
        await mqtt.assert_event(charger.identity, "command.failed", action="SendLocalList")
    else:
        await call.answer(status="NotSupported")
        await mqtt.assert_event(charger.identity, "command.rejected", action="SendLocalList")
    assert (await read_list(rest, charger))["status"] == "not_supported"
    await station.assert_silent()


async def test_a_long_list_is_sent_in_portions_and_cut_to_what_the_station_holds(
    station: Station, charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture, *, group: str
) -> None:
    issued = sorted(anna.issues(parent_id_tag=group) for _ in range(5))
    anna.issues(parent_id_tag=group, status="blocked")  # no room for it
    limits = {"SendLocalListMaxLength": "2", "LocalAuthListMaxLength": "5"}
    known = {key: {"value": value, "readonly": True, "read_at": None} for key, value in limits.items()}
    anna.db["charge_points"].update_one({"_id": charger.identity}, {"$set": {"configuration": known}})
    await give_list(rest, charger, mode="group", parent_id_tag=group)
    await versioned(station, 7)
    sent: dict[str, Any] = {}
    for version, kind in ((8, "Full"), (9, "Differential"), (10, "Differential")):
        call = await asked(station, "SendLocalList")
        assert (call.payload["listVersion"], call.payload["updateType"]) == (version, kind)
        assert len(tags(call)) <= 2
        sent |= tags(call)
        await call.answer(status="Accepted")
    assert sorted(sent) == issued
    await settled(mqtt, station, 3)
    await station.assert_silent()
    shown = await read_list(rest, charger)
    assert (shown["status"], shown["entry_count"], shown["left_out"], shown["version"]) == ("current", 5, 1, 10)


async def test_a_boot_finds_out_that_the_station_was_replaced(
    station: Station, charger: Installed, anna: Operator, rest: RestCaller, mqtt: Capture, *, group: str
) -> None:
    tag = anna.issues(parent_id_tag=group)
    await give_list(rest, charger, mode="group", parent_id_tag=group)
    await (await update_for(station)).answer(status="Accepted")
    await settled(mqtt, station, 1)

    await station.boot()
    await (await asked(station, "GetConfiguration")).answer(configurationKey=[])
    await versioned(station, 1)  # what it got before the boot: nothing is sent
    await station.assert_silent()

    await station.boot()
    await (await asked(station, "GetConfiguration")).answer(configurationKey=[])
    call = await update_for(station, 0)
    assert (call.payload["updateType"], list(tags(call))) == ("Full", [tag])
    await call.answer(status="Accepted")


async def test_an_update_that_nobody_answered_is_sent_again_in_full(
    station: Station,
    charger: Installed,
    anna: Operator,
    rest: RestCaller,
    connect: Connect,
    *,
    mqtt: Capture,
    group: str,
) -> None:
    tag = anna.issues(parent_id_tag=group)
    await give_list(rest, charger, mode="group", parent_id_tag=group)
    await update_for(station)
    await station.drop()
    await mqtt.assert_event(charger.identity, "command.failed", action="SendLocalList")

    again = await connect(charger)
    await again.boot()
    await (await asked(again, "GetConfiguration")).answer(configurationKey=[])
    call = await update_for(again, 1)  # it had arrived
    assert (call.payload["updateType"], call.payload["listVersion"], list(tags(call))) == ("Full", 2, [tag])
    await call.answer(status="Accepted")


async def test_an_offline_station_gets_it_when_it_is_back(
    charger: Installed, anna: Operator, rest: RestCaller, connect: Connect, group: str
) -> None:
    tag = anna.issues(parent_id_tag=group)
    await give_list(rest, charger, mode="group", parent_id_tag=group)
    station = await connect(charger)
    assert list(tags(await update_for(station))) == [tag]


async def test_a_list_sent_by_command_is_left_as_it_is(
    station: Station, charger: Installed, rest: RestCaller, mqtt: Capture
) -> None:
    body = {"version": 5, "tokens": [{"id_tag": "Ada", "status": "accepted", "expires_at": "2030-01-01T00:00:00Z"}]}
    await rest.post(f"chargepoints/{charger.identity}/send-local-list", body)
    call = await asked(station, "SendLocalList")
    assert tags(call) == {"Ada": info(expiryDate="2030-01-01T00:00:00.000Z")}
    await call.answer(status="Accepted")
    await settled(mqtt, station, 1)
    await station.assert_silent()
    await rest.post(f"chargepoints/{charger.identity}/get-local-list-version")
    await versioned(station, 5)
    await station.assert_silent()


async def test_bad_choices(charger: Installed, rest: RestCaller, boris: Operator, gateway: Gateway) -> None:
    path = path_of("local-lists", charger.identity)
    for body in ({"mode": "group"}, {"mode": "some"}, {"colour": "red"}, {"mode": "group", "parent_id_tag": "x" * 37}):
        assert (await rest.send("PATCH", path, body)).status == 400
    assert (await rest.send("PATCH", path_of("local-lists", boris.installs().identity), {"mode": "all"})).status == 404
    assert (await rest_of(boris, gateway).send("GET", path)).status == 404
    assert (await read_list(rest, charger))["status"] == "off"
