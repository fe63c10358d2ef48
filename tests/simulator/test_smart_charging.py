"""Charging profiles of a simulated station: they limit the power that flows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

import pytest
from ocpp.v16 import call

from ocpp_gateway.simulator.charging_profiles import ChargingProfiles
from ocpp_gateway.simulator.configuration import Configuration
from ocpp_gateway.simulator.station import Station
from tests.simulator.central import Central
from tests.simulator.conftest import unhurried

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def profile(number: int, purpose: str, limit: float, *, unit: str = "W", level: int = 0, **more: Any) -> dict[str, Any]:
    schedule = {"chargingRateUnit": unit, "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}]}
    schedule |= more.pop("schedule", {})
    return {
        "chargingProfileId": number,
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Relative",
        "chargingSchedule": schedule,
        **more,
    }


@pytest.fixture
def profiles() -> ChargingProfiles:
    return ChargingProfiles(Configuration(2))


DEFAULT, STATION, OWN = "TxDefaultProfile", "ChargePointMaxProfile", "TxProfile"


@pytest.mark.parametrize(
    "installed, limit",
    [
        ([], inf),
        ([(0, profile(1, DEFAULT, 5000))], 5000),
        ([(2, profile(1, DEFAULT, 5000))], inf),
        ([(0, profile(1, DEFAULT, 10, unit="A"))], 6900),
        ([(0, profile(1, DEFAULT, 5000)), (1, profile(2, DEFAULT, 6000))], 6000),
        ([(0, profile(1, DEFAULT, 5000)), (0, profile(2, DEFAULT, 7000, level=1))], 7000),
        ([(0, profile(1, DEFAULT, 5000)), (1, profile(2, OWN, 9000))], 9000),
        ([(0, profile(1, STATION, 4000)), (1, profile(2, OWN, 9000))], 4000),
        ([(0, profile(1, DEFAULT, 5000, validTo="2026-05-04T11:00:00Z"))], inf),
        ([(0, profile(1, DEFAULT, 5000, validFrom="2026-05-04T13:00:00Z"))], inf),
        ([(0, profile(1, DEFAULT, 5000, schedule={"duration": 60}))], inf),
    ],
)
def test_the_limit_of_a_charge(profiles: ChargingProfiles, installed: Any, limit: float) -> None:
    for connector, wanted in installed:
        assert profiles.install(connector, wanted)
    assert profiles.limit(1, NOON, NOON - timedelta(minutes=5)) == limit


def test_a_day_begins_again(profiles: ChargingProfiles) -> None:
    """From 17:00 on less, every day."""
    periods = [{"startPeriod": 0, "limit": 9000}, {"startPeriod": 17 * 3600, "limit": 2000}]
    schedule = {"startSchedule": "2026-01-01T00:00:00Z", "chargingSchedulePeriod": periods}
    recurring: dict[str, Any] = {"chargingProfileKind": "Recurring", "recurrencyKind": "Daily", "schedule": schedule}
    profiles.install(0, profile(1, DEFAULT, 0, **recurring))
    limits = [profiles.limit(1, NOON + timedelta(hours=hours), NOON) for hours in (0, 6, 13)]
    assert limits == [9000, 2000, 9000]
    composed = profiles.schedule(1, NOON + timedelta(hours=4), 7200, "W", 11_000)
    assert composed["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": 9000.0},
        {"startPeriod": 3600, "limit": 2000.0},
    ]


def test_profiles_are_replaced_and_cleared(profiles: ChargingProfiles) -> None:
    profiles.install(1, profile(1, DEFAULT, 5000))
    profiles.install(1, profile(2, DEFAULT, 6000))  # at the place of 1
    profiles.install(0, profile(3, STATION, 4000))
    assert not profiles.clear({"id": 1})
    assert profiles.clear({"chargingProfilePurpose": STATION})
    assert profiles.limit(1, NOON, NOON) == 6000
    assert profiles.clear({})
    assert profiles.limit(1, NOON, NOON) == inf


def test_what_it_cannot_take(profiles: ChargingProfiles) -> None:
    assert not profiles.install(0, profile(1, DEFAULT, 5000, level=11))
    assert not profiles.install(1, profile(1, STATION, 5000))
    assert not profiles.install(0, profile(1, DEFAULT, 0, schedule={"chargingSchedulePeriod": []}))
    for number in range(20):
        assert profiles.install(number, profile(number, DEFAULT, 5000))
    assert not profiles.install(30, profile(30, DEFAULT, 5000))


# -- At a station ------------------------------------------------------------------------------------


@pytest.fixture
def station(central: Central) -> Station:
    return unhurried(central)


def snake(value: Any) -> Any:
    """Return a profile as the library of the central system wants it, which spells names its own way."""
    if isinstance(value, dict):
        return {"".join("_" + c.lower() if c.isupper() else c for c in k): snake(v) for k, v in value.items()}
    return [snake(one) for one in value] if isinstance(value, list) else value


async def give(central: Central, connector: int, wanted: dict[str, Any]) -> str:
    request = call.SetChargingProfile(connector_id=connector, cs_charging_profiles=snake(wanted))
    return str((await central.ask(request)).status)


def powers(central: Central) -> list[float]:
    samples = [
        sample
        for one in central.of("MeterValues")
        for sample in one.payload["meterValue"][0]["sampledValue"]
        if sample["measurand"] == "Power.Active.Import"
    ]
    return [float(sample["value"]) for sample in samples]


async def test_a_limit_is_what_flows(central: Central, online: Station) -> None:
    assert await give(central, 0, profile(1, DEFAULT, 3000)) == "Accepted"
    await central.ask(call.RemoteStartTransaction(id_tag="TAG1", connector_id=1))
    await central.until(lambda: len(powers(central)) >= 4)
    assert max(powers(central)) <= 3000
    assert max(powers(central)) > 2500
    energy = online.connectors[1].visit.charge  # type: ignore[union-attr]
    assert energy.energy <= 3000 * energy.elapsed / 3600 + 1


async def test_nothing_flows_at_a_limit_of_zero_and_again_when_it_is_cleared(central: Central, online: Station) -> None:
    await central.ask(call.RemoteStartTransaction(id_tag="TAG1", connector_id=1))
    await central.until(lambda: central.of("MeterValues"))
    assert await give(central, 1, profile(2, OWN, 0)) == "Accepted"
    await central.until(lambda: central.statuses(1)[-1] == "SuspendedEVSE")
    assert (await central.ask(call.ClearChargingProfile(id=2))).status == "Accepted"
    await central.until(lambda: central.statuses(1)[-1] == "Charging")
    assert (await central.ask(call.ClearChargingProfile(id=2))).status == "Unknown"


async def test_a_profile_of_a_session_needs_one(central: Central, online: Station) -> None:
    assert await give(central, 1, profile(2, OWN, 5000)) == "Rejected"
    await central.ask(call.RemoteStartTransaction(id_tag="TAG1", connector_id=1))
    await central.until(lambda: central.of("MeterValues"))
    assert await give(central, 1, profile(2, OWN, 5000, transactionId=4)) == "Rejected"
    assert await give(central, 1, profile(2, OWN, 5000, transactionId=7001)) == "Accepted"


async def test_a_remote_start_brings_its_limit(central: Central, online: Station) -> None:
    wanted = snake(profile(3, OWN, 2000))
    await central.ask(call.RemoteStartTransaction(id_tag="TAG1", connector_id=1, charging_profile=wanted))
    await central.until(lambda: len(powers(central)) >= 3)
    assert max(powers(central)) <= 2000


async def test_the_composite_schedule_is_told(central: Central, online: Station) -> None:
    await give(central, 0, profile(1, STATION, 3000))
    answer = await central.ask(call.GetCompositeSchedule(connector_id=1, duration=600))
    assert (answer.status, answer.connector_id) == ("Accepted", 1)
    (period,) = answer.charging_schedule["charging_schedule_period"]
    assert period == {"start_period": 0, "limit": 3000.0}
    assert (await central.ask(call.GetCompositeSchedule(connector_id=9, duration=600))).status == "Rejected"
