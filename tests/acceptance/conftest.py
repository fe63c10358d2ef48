"""The whole product, once for each server it runs on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from csms.embedded.program import Gateway
from tests.acceptance.mqtt_capture import MqttCapture
from tests.acceptance.product import Product

SERVERS = ("daphne", "uvicorn")


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Servers, databases, test tenants and publisher of one test module alone: it may kill any of them."""
    with Product(tmp_path_factory.mktemp("product"), stations=120) as product:
        yield product


@pytest.fixture
def capture(product: Product) -> Iterator[MqttCapture]:
    """Everything published while the test runs."""
    with MqttCapture(product.stack.mqtt.url) as capture:
        yield capture


@pytest.fixture(scope="module", params=SERVERS)
def gateway(request: pytest.FixtureRequest, product: Product) -> Iterator[Gateway]:
    """A running instance; a test that uses this runs once on Daphne and once on Uvicorn."""
    gateway = product.gateway(request.param)
    yield gateway
    gateway.stop()
