"""Charging profiles: kept, checked against the station's limits, set, cleared, composed, and given to every station."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.gateway.conftest import Connect
from tests.gateway.v16.charging import start, stop
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.rest_client import Rest
from tests.station import Station
from tests.station_control.test_configuration import report

SCHEDULE = {"unit": "A", "periods": [{"start": 0, "limit": 16.1}, {"start": 3600, "limit": 6, "phases": 1}]}
WIRE_SCHEDULE = {
    "chargingRateUnit": "A",
    "chargingSchedulePeriod": [
        {"startPeriod": 0, "limit": 16.1},
        {"startPeriod": 3600, "limit": 6.0, "numberPhases": 1},
    ],
}


def profile(number: int, purpose: str, **fields: Any) -> dict[str, Any]:
    return {"id": number, "purpose": purpose, "schedule": SCHEDULE, **fields}


def wire(number: int, purpose: str, **fields: Any) -> dict[str, Any]:
    return {
        "chargingProfileId": number,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": WIRE_SCHEDULE,
        **fields,
    }


async def give(rest: Rest, station: Station, evse_id: int, wanted: dict[str, Any], answer: str = "Accepted") -> Any:
    """Set a profile over REST, answered by the station, and return the command."""
    asking = rest.asking(station.identity, "set-charging-profile", {"evse_id": evse_id, "profile": wanted})
    await station.obey("SetChargingProfile", {"status": answer})
    return await asking


async def installed(rest: Rest, station: Station) -> list[tuple[int, int | None]]:
    """Return number and EVSE of the profiles that are installed at a station."""
    page = await rest.get(f"chargepoints/{station.identity}/charging-profiles")
    return [(one["id"], one["evse_id"]) for one in page["results"]]


async def tell_limits(rest: Rest, station: Station, **settings: str) -> None:
    """Have the station tell its limits."""
    asking = rest.asking(station.identity, "get-configuration")
    await station.obey("GetConfiguration", report(**settings))
    await asking


# -- Set ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "evse_id, words",
    [
        (0, ("station_max", "ChargePointMaxProfile")),
        (0, ("tx_default", "TxDefaultProfile")),
        (2, ("tx_default", "TxDefaultProfile")),
    ],
)
async def test_a_profile_is_set_on_station_and_connector(
    station: Station, rest: Rest, mqtt: Capture, evse_id: int, words: tuple[str, str]
) -> None:
    command = await give(rest, station, evse_id, profile(7, words[0]))
    assert command["payload"] == {"connectorId": evse_id, "csChargingProfiles": wire(7, words[1])}
    assert command["state"] == "accepted"
    assert await installed(rest, station) == [(7, evse_id)]
    await mqtt.assert_event(station.identity, "command.accepted", action="SetChargingProfile")


async def test_the_profile_of_a_running_session_goes_when_it_ends(station: Station, anna: Operator, rest: Rest) -> None:
    started = await station.assert_replied("StartTransaction", start(anna.issues()))
    number = started["transactionId"]
    command = await give(rest, station, 1, profile(3, "tx", transaction_id=number))
    assert command["payload"]["csChargingProfiles"] == wire(3, "TxProfile", transactionId=number)
    assert await installed(rest, station) == [(3, 1)]
    await station.assert_replied("StopTransaction", stop(number))
    assert await installed(rest, station) == []


@pytest.mark.parametrize("answer, state", [("Rejected", "rejected"), ("NotSupported", "rejected")])
async def test_what_the_station_refuses_is_not_installed(station: Station, rest: Rest, answer: str, state: str) -> None:
    """No session runs, or another one than the profile is for: the station says so."""
    command = await give(rest, station, 1, profile(3, "tx", transaction_id=99), answer)
    assert (command["state"], command["response"]) == (state, {"status": answer})
    assert await installed(rest, station) == []


async def test_a_profile_is_set_with_a_remote_start(station: Station, anna: Operator, rest: Rest) -> None:
    body = {"id_tag": anna.issues(), "evse_id": 1, "profile": profile(5, "tx", kind="relative")}
    asking = rest.asking(station.identity, "remote-start", body)
    sent = await station.obey("RemoteStartTransaction", {"status": "Accepted"})
    assert sent["chargingProfile"] == wire(5, "TxProfile", chargingProfileKind="Relative")
    assert (await asking)["state"] == "accepted"
    assert await installed(rest, station) == [(5, 1)]


async def test_a_profile_replaces_its_own_number_and_its_own_place(station: Station, rest: Rest) -> None:
    await give(rest, station, 0, profile(1, "tx_default"))
    await give(rest, station, 1, profile(2, "tx_default"))
    await give(rest, station, 1, profile(3, "tx_default"))  # where 2 was
    await give(rest, station, 2, profile(1, "tx_default", stack_level=1))  # 1 moves
    assert await installed(rest, station) == [(3, 1), (1, 2)]


# -- Clear, compose ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body, sent, left",
    [
        ({"id": 2}, {"id": 2}, [1, 3]),
        ({"evse_id": 1}, {"connectorId": 1}, [1]),
        (
            {"purpose": "tx_default", "stack_level": 4},
            {"chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 4},
            [1, 2],
        ),
        ({}, {}, []),
    ],
)
async def test_profiles_are_cleared_by_number_or_filter(
    station: Station, rest: Rest, body: dict[str, Any], sent: dict[str, Any], left: list[int]
) -> None:
    await give(rest, station, 0, profile(1, "station_max"))
    await give(rest, station, 1, profile(2, "tx_default"))
    await give(rest, station, 1, profile(3, "tx_default", stack_level=4))
    asking = rest.asking(station.identity, "clear-charging-profile", body)
    assert await station.obey("ClearChargingProfile", {"status": "Accepted"}) == sent
    assert (await asking)["state"] == "accepted"
    assert [number for number, _ in await installed(rest, station)] == left


async def test_what_the_station_does_not_know_is_not_installed_either(station: Station, rest: Rest) -> None:
    await give(rest, station, 0, profile(1, "tx_default"))
    asking = rest.asking(station.identity, "clear-charging-profile", {"id": 1})
    await station.obey("ClearChargingProfile", {"status": "Unknown"})
    assert (await asking)["state"] == "rejected"
    assert await installed(rest, station) == []


async def test_the_composite_schedule_is_asked_for(station: Station, rest: Rest) -> None:
    asking = rest.asking(station.identity, "get-composite-schedule", {"evse_id": 1, "duration": 300, "unit": "W"})
    answer = {"status": "Accepted", "connectorId": 1, "chargingSchedule": WIRE_SCHEDULE}
    sent = await station.obey("GetCompositeSchedule", answer)
    assert sent == {"connectorId": 1, "duration": 300, "chargingRateUnit": "W"}
    command = await asking
    assert (command["state"], command["response"]) == ("accepted", answer)


# -- Limits and contradictions -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings, wanted, fault",
    [
        ({"ChargeProfileMaxStackLevel": "!0"}, {"stack_level": 1}, "up to 0"),
        ({"ChargingScheduleAllowedChargingRateUnit": "!Power"}, {}, "no schedules in A"),
        ({"ChargingScheduleMaxPeriods": "!1"}, {}, "1 periods"),
        ({"MaxChargingProfilesInstalled": "!1"}, {}, "clear one first"),
    ],
)
async def test_what_the_station_cannot_take_is_refused_before_it_is_sent(
    station: Station, rest: Rest, settings: dict[str, str], wanted: dict[str, Any], fault: str
) -> None:
    await give(rest, station, 0, profile(1, "tx_default"))
    await tell_limits(rest, station, **settings)
    path, body = f"chargepoints/{station.identity}", {"evse_id": 2, "profile": profile(2, "tx_default", **wanted)}
    assert fault in (await rest.post(f"{path}/set-charging-profile", body, status=400))["detail"]
    raw = {"connectorId": 2, "csChargingProfiles": wire(2, "TxDefaultProfile", stackLevel=wanted.get("stack_level", 0))}
    refused = await rest.post(f"{path}/commands", {"action": "SetChargingProfile", "payload": raw}, status=400)
    assert fault in refused["detail"]


async def test_the_profile_of_a_session_that_is_over_takes_no_room(
    station: Station, anna: Operator, rest: Rest
) -> None:
    begun = await station.assert_replied("StartTransaction", start(anna.issues()))
    await give(rest, station, 1, profile(1, "tx", transaction_id=begun["transactionId"]))
    await station.assert_replied("StopTransaction", stop(begun["transactionId"]))
    await tell_limits(rest, station, MaxChargingProfilesInstalled="!1")
    assert (await give(rest, station, 2, profile(2, "tx_default")))["state"] == "accepted"


async def test_replacing_a_profile_needs_no_more_room(station: Station, rest: Rest) -> None:
    await give(rest, station, 0, profile(1, "tx_default"))
    await tell_limits(rest, station, MaxChargingProfilesInstalled="!1")
    assert (await give(rest, station, 0, profile(2, "tx_default")))["state"] == "accepted"
    assert await installed(rest, station) == [(2, 0)]


@pytest.mark.parametrize(
    "evse_id, wanted",
    [
        (1, profile(1, "station_max")),
        (0, profile(1, "tx")),
        (0, profile(1, "tx_default", transaction_id=4)),
        (0, profile(1, "tx_default", kind="recurring")),
        (0, profile(1, "tx_default", kind="recurring", recurrency="daily")),
        (0, profile(1, "tx_default", recurrency="daily")),
        (0, profile(1, "station_max", kind="relative")),
        (0, profile(1, "tx_default", valid_from="2026-01-02T00:00:00Z", valid_to="2026-01-01T00:00:00Z")),
        (0, profile(1, "tx_default", schedule={"unit": "A", "periods": [{"start": 1, "limit": 1}]})),
        (0, profile(1, "tx_default", schedule={"unit": "A", "periods": []})),
        (0, profile(1, "tx_default", schedule={**SCHEDULE, "duration": 3600})),
        (0, profile(1, "tx_default", schedule={**SCHEDULE, "periods": [SCHEDULE["periods"][0]] * 2})),
        (0, profile(1, "tx_default", schedule={"unit": "A", "periods": [{"start": 0, "limit": 16.11}]})),
    ],
)
async def test_a_profile_that_contradicts_itself_is_refused(
    charger: Installed, rest: Rest, evse_id: int, wanted: dict[str, Any]
) -> None:
    body = {"evse_id": evse_id, "profile": wanted}
    await rest.post(f"chargepoints/{charger.identity}/set-charging-profile", body, status=400)


# -- Kept, and given to every station ----------------------------------------------------------------


@pytest.fixture
async def kept(rest: Rest) -> AsyncIterator[dict[str, Any]]:
    """A default that repeats every day."""
    schedule = {**SCHEDULE, "start_time": "2026-01-01T00:00:00Z", "duration": 86400}
    body = {
        "purpose": "tx_default",
        "kind": "recurring",
        "recurrency": "daily",
        "is_default": True,
        "schedule": schedule,
    }
    made = await rest.post("charging-profiles", {"name": "Night", **body})
    yield made
    await rest.delete(f"charging-profiles/{made['id']}")


def wire_of(kept: dict[str, Any]) -> dict[str, Any]:
    return wire(
        kept["id"],
        "TxDefaultProfile",
        chargingProfileKind="Recurring",
        recurrencyKind="Daily",
        chargingSchedule={**WIRE_SCHEDULE, "duration": 86400, "startSchedule": "2026-01-01T00:00:00.000Z"},
    )


async def test_a_kept_profile_is_read_changed_and_sent_by_its_number(
    station: Station, rest: Rest, kept: dict[str, Any], boris: Operator
) -> None:
    assert await rest.get(f"charging-profiles/{kept['id']}") == kept
    assert kept["id"] in [one["id"] for one in (await rest.get("charging-profiles", is_default=True))["results"]]
    asking = rest.asking(station.identity, "set-charging-profile", {"evse_id": 1, "profile_id": kept["id"]})
    sent = await station.obey("SetChargingProfile", {"status": "Accepted"})
    assert sent == {"connectorId": 1, "csChargingProfiles": wire_of(kept)}
    await asking
    changed = await rest.patch(f"charging-profiles/{kept['id']}", {"name": "Late"})
    assert (changed["name"], changed["schedule"]) == ("Late", kept["schedule"])
    await rest.patch(f"charging-profiles/{kept['id']}", {"purpose": "tx"}, status=400)
    await rest.post(
        f"chargepoints/{station.identity}/set-charging-profile", {"evse_id": 1, "profile_id": 1}, status=400
    )
    assert boris.db["charging_profiles"].count_documents({}) == 0


async def test_a_default_is_given_after_boot_and_again_to_a_station_that_was_replaced(
    station: Station, rest: Rest, kept: dict[str, Any]
) -> None:
    await station.boot(chargePointSerialNumber="one")
    await station.obey("GetConfiguration", report(HeartbeatInterval="300"))
    sent = await station.obey("SetChargingProfile", {"status": "Accepted"})
    assert sent == {"connectorId": 0, "csChargingProfiles": wire_of(kept)}

    await station.boot(chargePointSerialNumber="one")
    await station.obey("GetConfiguration", report(HeartbeatInterval="300"))
    await station.assert_silent()
    assert await installed(rest, station) == [(kept["id"], 0)]

    await station.boot(chargePointSerialNumber="another")
    assert await installed(rest, station) == []
    await station.obey("GetConfiguration", report(HeartbeatInterval="300"))
    await station.obey("SetChargingProfile", {"status": "Rejected"})

    await station.boot(chargePointSerialNumber="another")
    await station.obey("GetConfiguration", report(ChargingScheduleMaxPeriods="!1"))
    await station.assert_silent()  # it cannot take it


async def test_a_default_is_given_to_every_station_at_once(
    station: Station, connect: Connect, anna: Operator, rest: Rest, kept: dict[str, Any]
) -> None:
    limited = await connect(anna.installs())
    await tell_limits(rest, limited, ChargingScheduleMaxPeriods="!1")
    answer = await rest.post(f"charging-profiles/{kept['id']}/distribute")
    assert answer["commands"] >= 1
    assert limited.identity in [one["charge_point_id"] for one in answer["skipped"]]
    await station.obey("SetChargingProfile", {"status": "Accepted"})
    await anna.until(station.identity, lambda point: point["charging_profiles"])
    again = await rest.post(f"charging-profiles/{kept['id']}/distribute")
    assert again["already_installed"] == 1
    await rest.patch(f"charging-profiles/{kept['id']}", {"is_default": False})
    await rest.post(f"charging-profiles/{kept['id']}/distribute", status=409)
