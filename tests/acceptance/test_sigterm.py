"""SIGTERM while stations charge: what was read is answered, sockets are closed with 1012, and nothing is lost."""

from __future__ import annotations

import asyncio
import time

from csms.embedded.program import Gateway
from tests.acceptance.fleet import TENANT, charging, connected, ledger_stations
from tests.acceptance.mqtt_capture import MqttCapture
from tests.acceptance.product import Product
from tests.acceptance.reconcile import assert_nothing_lost

STATIONS = 25
SERVICE_RESTART = 1012
EXIT_SECONDS = 30.0


async def test_a_stop_under_load_loses_nothing(gateway: Gateway, product: Product, capture: MqttCapture) -> None:
    stations = ledger_stations(product, gateway, STATIONS)
    async with connected(stations), charging(stations):
        await asyncio.gather(*(station.until(lambda ledger: ledger.completed >= 2) for station in stations))
        begin = time.monotonic()
        gateway.process.ask_to_stop()
        assert await asyncio.to_thread(gateway.process.wait_exit, EXIT_SECONDS)
        took = time.monotonic() - begin
        assert gateway.process.succeeded, gateway.process.ending
        assert took < EXIT_SECONDS

        gateway.launch()
        await asyncio.to_thread(gateway.wait_ready)
        await asyncio.gather(*(station.online.wait() for station in stations))
    for station in stations:
        assert station.ledger.close_codes == {SERVICE_RESTART: 1}
        assert station.ledger.count("BootNotification") == 1
    assert_nothing_lost(stations, product.database(TENANT), capture)
