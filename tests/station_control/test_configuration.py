"""Settings of stations: read after boot, read and changed over REST, and brought to what the tenant wants."""

from __future__ import annotations

from typing import Any

from tests.gateway.conftest import Connect
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.rest_client import Rest
from tests.station import Station


def report(**settings: str | None) -> dict[str, Any]:
    """Return an answer to GetConfiguration; keys whose value begins with `!` are read-only."""
    return {"configurationKey": [_entry(key, value) for key, value in settings.items()]}


def _entry(key: str, value: str | None) -> dict[str, Any]:
    shown = {} if value is None else {"value": value.removeprefix("!")}
    return {"key": key, "readonly": (value or "").startswith("!"), **shown}


async def known(rest: Rest, charger: Installed) -> dict[str, dict[str, Any]]:
    """Return a station's settings as the API shows them."""
    answer: dict[str, dict[str, Any]] = await rest.get(f"chargepoints/{charger.identity}/configuration")
    return answer


# -- Read --------------------------------------------------------------------------------------------


async def test_all_settings_are_read_after_boot(
    station: Station, charger: Installed, anna: Operator, rest: Rest, mqtt: Capture
) -> None:
    await station.boot()
    assert await station.obey("GetConfiguration", report(HeartbeatInterval="300", NumberOfConnectors="!2")) == {}
    event = await mqtt.assert_event(charger.identity, "command.accepted", action="GetConfiguration")
    assert event.data["requested_by"] == "system"
    settings = await known(rest, charger)
    assert {key: (one["value"], one["readonly"]) for key, one in settings.items()} == {
        "HeartbeatInterval": ("300", False),
        "NumberOfConnectors": ("2", True),
    }
    assert all(one["read_at"].endswith("Z") and not one["reboot_required"] for one in settings.values())
    stored = anna.charge_point(charger.identity)["configuration"]["HeartbeatInterval"]
    assert set(stored) == {"value", "readonly", "read_at"}


async def test_a_setting_with_dots_dollars_and_slashes_is_stored_and_shown(
    station: Station, charger: Installed, rest: Rest
) -> None:
    odd = {"a.b": "1", "$where": "2", "100%.$": None, "x/y z": "ü", "%2E": "3"}
    asking = rest.asking(charger.identity, "get-configuration", {"keys": list(odd)})
    assert await station.obey("GetConfiguration", report(**odd)) == {"key": list(odd)}
    assert (await asking)["state"] == "accepted"
    assert {key: one["value"] for key, one in (await known(rest, charger)).items()} == odd


async def test_one_setting_is_read_and_an_unknown_one_is_forgotten(
    station: Station, charger: Installed, rest: Rest
) -> None:
    asking = rest.asking(charger.identity, "get-configuration")
    await station.obey("GetConfiguration", report(HeartbeatInterval="300", Gone="x"))
    await asking
    asking = rest.asking(charger.identity, "get-configuration", {"keys": ["HeartbeatInterval", "Gone"]})
    await station.obey("GetConfiguration", {**report(HeartbeatInterval="60"), "unknownKey": ["Gone"]})
    command = await asking
    assert command["response"]["unknownKey"] == ["Gone"]
    assert {key: one["value"] for key, one in (await known(rest, charger)).items()} == {"HeartbeatInterval": "60"}


async def test_many_keys_are_asked_for_in_portions(station: Station, charger: Installed, rest: Rest) -> None:
    asking = rest.asking(charger.identity, "get-configuration")
    await station.obey("GetConfiguration", report(GetConfigurationMaxKeys="!2"))
    await asking
    path, keys = f"chargepoints/{charger.identity}", {"keys": ["a", "b", "c"]}
    refused = await rest.post(f"{path}/get-configuration", keys, status=400)
    assert "2 keys" in refused["detail"]
    asked = await rest.post(f"{path}/configuration", keys)
    assert len(asked["results"]) == 2
    assert await station.obey("GetConfiguration", report(a="1", b="2")) == {"key": ["a", "b"]}
    assert await station.obey("GetConfiguration", report(c="3")) == {"key": ["c"]}


async def test_what_an_answer_of_the_greatest_length_may_lack_is_asked_for(
    station: Station, charger: Installed, anna: Operator
) -> None:
    """A station that answers with no more keys than it takes in a request has perhaps not told all."""
    await station.boot()
    await station.obey("GetConfiguration", report(GetConfigurationMaxKeys="!40", **{f"k{n}": "x" for n in range(39)}))
    first = await station.expect("GetConfiguration")
    assert len(first.payload["key"]) == 40
    await station.reply(first, {**report(HeartbeatInterval="60"), "unknownKey": first.payload["key"][1:]})
    rest_of_them = await station.obey("GetConfiguration", {"unknownKey": []})
    assert "GetConfigurationMaxKeys" not in first.payload["key"] + rest_of_them["key"]
    stored = await anna.until(charger.identity, lambda point: "HeartbeatInterval" in point["configuration"])
    assert len(stored["configuration"]) == 41


async def test_a_key_of_the_station_is_never_kept(station: Station, charger: Installed, rest: Rest) -> None:
    asking = rest.asking(charger.identity, "get-configuration")
    await station.obey("GetConfiguration", report(AuthorizationKey="000102030405060708090a0b0c0d0e0f"))
    await asking
    assert (await known(rest, charger))["AuthorizationKey"]["value"] is None


# -- Changed: the four answers -----------------------------------------------------------------------


async def change(rest: Rest, station: Station, key: str, value: str, answer: str) -> Any:
    """Change a setting over REST, answered by the station, and return the command."""
    asking = rest.asking(station.identity, "change-configuration", {"key": key, "value": value})
    assert await station.obey("ChangeConfiguration", {"status": answer}) == {"key": key, "value": value}
    return await asking


async def test_an_accepted_change_is_known_at_once(
    station: Station, charger: Installed, rest: Rest, mqtt: Capture
) -> None:
    command = await change(rest, station, "MeterValueSampleInterval", "10", "Accepted")
    assert (command["state"], command["response"]) == ("accepted", {"status": "Accepted"})
    assert (await known(rest, charger))["MeterValueSampleInterval"]["value"] == "10"
    await mqtt.assert_event(charger.identity, "command.accepted", action="ChangeConfiguration")


async def test_a_change_that_wants_a_reboot_is_shown_until_the_next_boot(
    station: Station, charger: Installed, rest: Rest
) -> None:
    await change(rest, station, "WebSocketPingInterval", "10", "Accepted")
    command = await change(rest, station, "WebSocketPingInterval", "60", "RebootRequired")
    assert command["state"] == "accepted"
    shown = (await known(rest, charger))["WebSocketPingInterval"]
    assert (shown["value"], shown["reboot_required"], shown["pending_value"]) == ("10", True, "60")
    await station.boot()
    shown = (await known(rest, charger))["WebSocketPingInterval"]
    assert (shown["reboot_required"], shown["pending_value"]) == (False, None)


async def test_a_refused_change_changes_nothing(station: Station, charger: Installed, rest: Rest) -> None:
    command = await change(rest, station, "MeterValueSampleInterval", "-1", "Rejected")
    assert command["state"] == "rejected"
    assert await known(rest, charger) == {}


async def test_a_change_of_what_the_station_does_not_have_changes_nothing(
    station: Station, charger: Installed, rest: Rest
) -> None:
    command = await change(rest, station, "NoSuchThing", "1", "NotSupported")
    assert (command["state"], command["response"]) == ("rejected", {"status": "NotSupported"})
    assert await known(rest, charger) == {}


# -- Wanted ------------------------------------------------------------------------------------------


async def test_what_the_tenant_wants_is_set_after_boot_where_it_differs(
    station: Station, charger: Installed, rest: Rest, boris: Operator
) -> None:
    for key, value in (("Differs", "60"), ("Same", "true"), ("ReadOnly", "1"), ("a/b.c", "new")):
        await rest.post("wanted-settings", {"key": key, "value": value})
    try:
        await station.boot()
        await station.obey("GetConfiguration", report(Differs="30", Same="True", ReadOnly="!0"))
        answers = {"Differs": "Accepted", "a/b.c": "NotSupported"}
        while answers:
            asked = await station.expect("ChangeConfiguration")
            await station.reply(asked, {"status": answers.pop(asked.payload["key"])})
        await rest.patch("wanted-settings/Differs", {"value": "30"})
        await station.assert_silent()
        assert (await known(rest, charger))["Differs"]["value"] == "60"
        assert [one["key"] for one in (await rest.get("wanted-settings"))["results"]] == [
            "Differs",
            "ReadOnly",
            "Same",
            "a/b.c",
        ]
        assert boris.db["wanted_settings"].count_documents({}) == 0
    finally:
        for key in ("Differs", "Same", "ReadOnly", "a%2Fb.c"):
            await rest.delete(f"wanted-settings/{key}")
    await rest.get("wanted-settings/Differs", status=404)


async def test_a_station_that_was_cut_off_is_set_up_when_it_is_back(
    charger: Installed, anna: Operator, rest: Rest, connect: Connect
) -> None:
    """It does not boot again. The first connection breaks before the reading, the second before the change."""
    await rest.post("wanted-settings", {"key": "Wanted", "value": "60"})
    try:
        station = await connect(charger)
        await station.boot()
        await station.expect("GetConfiguration")
        await station.drop()
        station = await connect(charger)
        await station.obey("GetConfiguration", report(Wanted="30"))
        await station.expect("ChangeConfiguration")
        await station.drop()
        station = await connect(charger)
        await station.obey("GetConfiguration", report(Wanted="30"))
        with anna.db["charge_points"].watch([{"$match": {"documentKey._id": charger.identity}}]) as changes:
            assert await station.obey("ChangeConfiguration", {"status": "Accepted"}) == {"key": "Wanted", "value": "60"}
            while anna.charge_point(charger.identity)["setup_tries"]:
                changes.next()
        await station.drop()
        station = await connect(charger)
        await station.assert_replied("Heartbeat")
        await station.assert_silent()
    finally:
        await rest.delete("wanted-settings/Wanted")


async def test_a_key_is_not_wanted_of_all_stations_alike(rest: Rest) -> None:
    refused = await rest.post("wanted-settings", {"key": "AuthorizationKey", "value": "0" * 32}, status=400)
    assert "key of its own" in refused["errors"]["key"][0]


async def test_a_station_that_boots_again_and_again_collects_no_commands(
    station: Station, charger: Installed, rest: Rest
) -> None:
    for _ in range(4):
        await station.boot()
    await station.expect("GetConfiguration")
    commands = (await rest.get(f"chargepoints/{charger.identity}/commands"))["results"]
    assert len(commands) <= 2
