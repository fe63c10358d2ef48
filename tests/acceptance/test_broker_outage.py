"""The MQTT broker is away while stations charge: they notice nothing, and every event arrives later, in order."""

from __future__ import annotations

from tests.acceptance.fleet import TENANT, connected, ledger_stations
from tests.acceptance.mqtt_capture import MqttCapture
from tests.acceptance.product import Product
from tests.acceptance.reconcile import assert_nothing_lost


async def test_the_events_of_a_whole_session_arrive_when_the_broker_is_back(
    product: Product, capture: MqttCapture
) -> None:
    gateway = product.gateway()
    stations = ledger_stations(product, gateway, 3)
    async with connected(stations):
        product.stack.mqtt.stop()
        for station in stations:
            await station.charge(meter_values=5)
            await station.charge(meter_values=5)
        product.stack.mqtt.start()
    capture.wait_subscribed()
    assert_nothing_lost(stations, product.database(TENANT), capture)


async def test_a_broker_that_goes_in_the_middle_of_a_session_splits_nothing(
    product: Product, capture: MqttCapture
) -> None:
    gateway = product.gateway()
    [station] = ledger_stations(product, gateway, 1)
    async with connected([station]):
        charge = station.start()
        for outage in range(3):
            station.meter(charge)
            await station.delivered()
            product.stack.mqtt.stop()
            station.meter(charge)
            if outage == 2:
                station.stop(charge)
            await station.delivered()
            product.stack.mqtt.start()
    capture.wait_subscribed()
    assert_nothing_lost([station], product.database(TENANT), capture)
