"""Every test of this folder runs on both servers, each in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from csms.serve.start import SERVERS
from tests.serve.served import Served, Start


@pytest.fixture(params=SERVERS)
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    """Return a function that starts a server with the options given to it."""
    running: list[Served] = []

    def begin(**options: Any) -> Served:
        running.append(Served(request.param, **options))
        return running[-1]

    yield begin
    for served in running:
        served.stop()


@pytest.fixture(scope="session", params=SERVERS)
def shared(request: pytest.FixtureRequest) -> Iterator[Served]:
    """Return a server with default options, for tests that leave no trace in it."""
    served = Served(request.param)
    yield served
    served.stop()
