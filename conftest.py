"""Fixtures of the real servers; `tests/embedded/plugin.py` starts the shared ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from csms.embedded.stack import Stack
from tests.embedded.plugin import STACK
from tests.embedded.private_servers import PrivateServers


@pytest.fixture(scope="session")
def embedded_stack(request: pytest.FixtureRequest) -> Stack:
    """The servers of the whole test run. Shared: never stop or flush them, take a private one for that."""
    return request.config.stash[STACK]


@pytest.fixture
def private_servers(tmp_path: Path) -> Iterator[PrivateServers]:
    """For outage tests: `broker = private_servers.mqtt()`, then `broker.stop()` and `broker.start()`."""
    servers = PrivateServers(tmp_path)
    yield servers
    servers.stop()
