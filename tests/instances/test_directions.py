"""What a station asks of us and what we ask of it do not wait for each other."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from tests.instances.instances import executed, send
from tests.instances.light_station import LightStation

CROSSINGS = 40


def meter_values(number: int) -> dict[str, Any]:
    sample = {"timestamp": f"2026-01-01T00:{number % 60:02d}:00Z", "sampledValue": [{"value": str(number)}]}
    return {"connectorId": 1, "meterValue": [sample]}


async def test_a_station_is_served_while_it_owes_an_answer(station: LightStation, other_api: httpx.AsyncClient) -> None:
    station.holding = True
    caller = asyncio.create_task(send(other_api, station, "it"))
    await station.until(lambda one: len(one.held) == 1)
    for number in range(10):
        assert await station.line.call("MeterValues", meter_values(number)) == {}
    assert "currentTime" in await station.line.call("Heartbeat", {})
    available = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    assert await station.line.call("StatusNotification", available) == {}
    assert not caller.done()
    station.release()
    assert (await caller).json()["state"] == "accepted"


async def test_a_station_that_answers_only_when_it_was_answered(
    station: LightStation, other_api: httpx.AsyncClient
) -> None:
    """Calls that cross: each side has one under way, and each waits for the other's answer."""
    station.holding = True
    for number in range(CROSSINGS):
        caller = asyncio.create_task(send(other_api, station, str(number)))
        own = station.line.begin("MeterValues", meter_values(number))
        await station.until(lambda one: len(one.held) == 1)
        async with asyncio.timeout(15):
            assert (await own)[0] == 3
        [(line, asked)] = station.held
        station.held.clear()
        line.send(station.answer(asked))
        assert (await caller).json()["state"] == "accepted"
    assert executed(station) == [str(number) for number in range(CROSSINGS)]


async def test_commands_go_out_while_a_station_talks_without_a_pause(
    station: LightStation, other_api: httpx.AsyncClient
) -> None:
    """It sends more than we read ahead, and its answers to our commands stand in the same line."""
    over = asyncio.Event()
    answered = 0

    async def talk() -> None:
        nonlocal answered
        while not over.is_set():
            batch = [station.line.begin("MeterValues", meter_values(number)) for number in range(30)]
            answered += sum(answer[0] == 3 for answer in await asyncio.gather(*batch))

    talking = asyncio.create_task(talk())
    for number in range(10):
        assert (await send(other_api, station, str(number))).json()["state"] == "accepted"
    over.set()
    await talking
    assert executed(station) == [str(number) for number in range(10)]
    assert answered >= 30
    assert answered % 30 == 0
