"""A whole charge as the central system sees it."""

from __future__ import annotations

import asyncio
import base64
from datetime import datetime
from http import HTTPStatus

from ocpp_gateway.simulator.station import Station
from tests.simulator.central import Central, Received


def register(reading: dict[str, list[dict[str, str]]]) -> float:
    samples = reading["sampledValue"]
    return next(float(one["value"]) for one in samples if one["measurand"] == "Energy.Active.Import.Register")


def energies(central: Central) -> list[float]:
    return [register(one.payload["meterValue"][0]) for one in central.of("MeterValues")]


def times(messages: list[Received]) -> list[datetime]:
    return [datetime.fromisoformat(one.payload["timestamp"]) for one in messages]


async def test_one_session_from_boot_to_the_free_connector(central: Central, station: Station) -> None:
    await station.run_once(patience=5)

    assert not station.failures
    assert station.sessions == 1
    assert central.actions[0] == "BootNotification"
    assert central.statuses(0) == ["Available"]
    assert central.statuses(1) == ["Available", "Preparing", "Charging", "Finishing", "Available"]
    business = [one for one in central.actions if one not in ("StatusNotification", "Heartbeat")]
    assert business[:3] == ["BootNotification", "Authorize", "StartTransaction"]
    assert set(business[3:-1]) == {"MeterValues"}
    assert business[-1] == "StopTransaction"


async def test_the_energies_of_a_session_agree(central: Central, station: Station) -> None:
    await station.run_once(patience=5)

    start, stop = central.of("StartTransaction")[0].payload, central.of("StopTransaction")[0].payload
    assert len(energies(central)) >= 5
    assert energies(central) == sorted(energies(central))
    assert start["meterStart"] <= energies(central)[0] <= energies(central)[-1] <= stop["meterStop"]
    begin, end = stop["transactionData"]
    assert (register(begin), register(end)) == (start["meterStart"], stop["meterStop"])
    assert {one.payload["transactionId"] for one in central.of("MeterValues")} == {stop["transactionId"]}
    assert stop["meterStop"] - start["meterStart"] > 1000


async def test_credentials_are_sent_as_basic_authentication(central: Central, online: Station) -> None:
    expected = base64.b64encode(b"CP1:a-key-with:colon").decode()
    assert central.authorization == [f"Basic {expected}"]


async def test_a_refused_tag_starts_nothing(central: Central, station: Station) -> None:
    central.tag_status = "Blocked"
    await station.run_once(patience=5)
    assert "StartTransaction" not in central.actions
    assert list(station.failures) == ["the id tag was answered Blocked"]
    assert central.statuses(1)[-1] == "Available"


async def test_a_boot_that_is_pending_is_repeated_and_nothing_else_is_sent(central: Central, station: Station) -> None:
    central.boot_answers = ["Pending", "Rejected", "Accepted"]
    await station.run_once(patience=5)
    assert central.actions[:4] == ["BootNotification"] * 3 + ["StatusNotification"]


async def test_a_refused_upgrade_ends_a_single_run_with_its_reason(central: Central, station: Station) -> None:
    central.refuse = HTTPStatus.UNAUTHORIZED
    await station.run_once(patience=5)
    assert list(station.failures) == ["upgrade refused with HTTP 401"]


async def test_told_to_stop_it_ends_the_charge_first(central: Central, station: Station) -> None:
    running = asyncio.create_task(station.run())
    await central.until(lambda: central.of("MeterValues"))
    async with asyncio.timeout(5):
        await station.stop()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    started, stopped = central.of("StartTransaction"), central.of("StopTransaction")
    assert len(started) == len(stopped) >= 1
    assert {one.payload["reason"] for one in stopped} <= {"Local", "EVDisconnected"}
