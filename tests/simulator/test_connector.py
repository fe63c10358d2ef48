"""The status of a simulated connector: what the central system heard last is what it is."""

from __future__ import annotations

import asyncio
from random import Random

from ocpp_gateway.simulator.connector import Connector
from ocpp_gateway.simulator.meter import Meter


async def test_a_status_that_changes_back_while_its_report_is_on_its_way_is_told() -> None:
    told: list[str] = []
    answer = asyncio.Event()

    async def report(connector: Connector) -> bool:
        told.append(connector.status)
        await answer.wait()
        return True

    connector = Connector(1, Meter(0, Random(1)), report)
    answer.set()
    await connector.turn("Charging")
    answer.clear()
    suspended = asyncio.create_task(connector.turn("SuspendedEVSE"))
    await asyncio.sleep(0)
    await connector.turn("Charging")
    answer.set()
    await suspended

    assert told == ["Charging", "SuspendedEVSE", "Charging"]
