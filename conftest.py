"""Fixtures of the real servers; see `tests/embedded/plugin.py` for how they are started."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from csms.embedded.mongodb import MongoServer
from csms.embedded.mqtt import MqttServer, mqtt_server
from csms.embedded.ports import any_free
from csms.embedded.redis import RedisServer
from csms.embedded.server import Server
from csms.embedded.stack import Stack
from tests.embedded.plugin import STACK


@pytest.fixture(scope="session")
def embedded_stack(request: pytest.FixtureRequest) -> Stack:
    """The servers of the whole test run. Shared: never stop or flush them, take a private one for that."""
    return request.config.stash[STACK]


AnyServer = TypeVar("AnyServer", bound=Server)


class PrivateServers:
    """Makes servers for one test, which may stop, kill and restart them at will: port and data stay."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._servers: list[Server] = []

    def mongodb(self) -> MongoServer:
        """Return a running one-node replica set of its own."""
        return self._started(MongoServer(self._next_directory("mongodb"), any_free(), cache_gb=0.25))

    def redis(self) -> RedisServer:
        """Return a running Redis of its own."""
        return self._started(RedisServer(self._next_directory("redis"), any_free()))

    def mqtt(self) -> MqttServer:
        """Return a running MQTT broker of its own."""
        return self._started(mqtt_server(self._next_directory("mqtt"), any_free()))

    def _next_directory(self, name: str) -> Path:
        return self._directory / f"{name}-{len(self._servers)}"

    def _started(self, server: AnyServer) -> AnyServer:
        self._servers.append(server)
        server.start()
        return server

    def stop(self) -> None:
        """Stop all that were made."""
        for server in self._servers:
            server.stop()


@pytest.fixture
def private_servers(tmp_path: Path) -> Iterator[PrivateServers]:
    """For outage tests: `broker = private_servers.mqtt()`, then `broker.stop()` and `broker.start()`."""
    servers = PrivateServers(tmp_path)
    yield servers
    servers.stop()
