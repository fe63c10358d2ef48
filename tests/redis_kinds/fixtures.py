"""The kinds of Redis there are, each started once for a test run and only if a test asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.redis_kinds.servers import Cluster, Watched, running

KINDS = ("redis", "sentinel", "cluster")


@pytest.fixture(scope="session")
def sentinel_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """REDIS_ADDR of a primary with a replica and a Sentinel."""
    servers = Watched(tmp_path_factory.mktemp("sentinel"))
    with running(servers):
        yield servers.address


@pytest.fixture(scope="session")
def cluster_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """REDIS_ADDR of a cluster of three."""
    servers = Cluster(tmp_path_factory.mktemp("cluster"))
    with running(servers):
        yield servers.address


@pytest.fixture
def redis_address(request: pytest.FixtureRequest, settings: Any) -> Callable[[str], None]:
    """`redis_address(kind)`: from now on, and to the end of the test, clients are made for this kind of Redis."""

    def choose(kind: str) -> None:
        if kind != "redis":
            settings.REDIS_ADDR = request.getfixturevalue(f"{kind}_address")

    return choose
