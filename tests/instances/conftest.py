"""One product of its own for these tests: they stop, kill and flush what others share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from csms.embedded.program import Gateway
from tests.acceptance.mqtt_capture import MqttCapture
from tests.acceptance.product import Product
from tests.instances.instances import WITHOUT_QUEUE, Cluster
from tests.instances.light_station import LightStation
from tests.operators import anna, boris, charger, founded, global_database

__all__ = ["anna", "boris", "charger", "founded", "global_database"]  # fixtures from elsewhere

# More than any test asks for in a minute.
RATE_LIMIT = 1_000_000
STATIONS = 2400


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Servers, test tenants and publisher; instances are started by whoever wants one."""
    directory = tmp_path_factory.mktemp("instances")
    with Product(directory, stations=STATIONS) as product:
        cluster = Cluster(product, directory)
        for tenant in product.tenants:
            cluster.configure(tenant, api_rate_limit=RATE_LIMIT)
        cluster.configure(WITHOUT_QUEUE, queue_enabled=False)
        yield cluster
        cluster.stop()


@pytest.fixture(scope="package")
def instances(cluster: Cluster) -> list[Gateway]:
    """Three instances that all tests share: both servers, and one of them twice."""
    return cluster.start("daphne-1", "uvicorn-2", "daphne-3")


@pytest.fixture
def capture(cluster: Cluster) -> Iterator[MqttCapture]:
    """Everything published while the test runs."""
    with MqttCapture(cluster.product.stack.mqtt.url) as capture:
        yield capture


@pytest.fixture
async def api(cluster: Cluster, instances: list[Gateway]) -> AsyncIterator[httpx.AsyncClient]:
    """An operator at the first instance."""
    async with cluster.api(instances[0]) as client:
        yield client


@pytest.fixture
async def other_api(cluster: Cluster, instances: list[Gateway]) -> AsyncIterator[httpx.AsyncClient]:
    """An operator at the second instance."""
    async with cluster.api(instances[1]) as client:
        yield client


@pytest.fixture
async def offline(cluster: Cluster) -> AsyncIterator[LightStation]:
    """A station that has been in service, and is not connected."""
    [station] = cluster.stations(1)
    yield station
    station.drop()


@pytest.fixture
async def station(offline: LightStation, instances: list[Gateway]) -> LightStation:
    """A station connected to the first instance."""
    await offline.connect(instances[0].url)
    return offline
