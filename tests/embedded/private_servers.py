"""Servers of one test alone, for what a shared one must not suffer: stops, kills, restarts."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from csms.embedded.mongodb import MongoServer
from csms.embedded.mqtt import MqttServer, mqtt_server
from csms.embedded.ports import any_free
from csms.embedded.redis import RedisServer
from csms.embedded.server import Server

AnyServer = TypeVar("AnyServer", bound=Server)


class PrivateServers:
    """Makes running servers; `stop`, `kill`, `start` and `restart` of each keep its port and data."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._servers: list[Server] = []

    def mongodb(self) -> MongoServer:
        """Return a one-node replica set."""
        return self._started(MongoServer(self._next_directory("mongodb"), any_free(), cache_gb=0.25))

    def redis(self) -> RedisServer:
        """Return a Redis."""
        return self._started(RedisServer(self._next_directory("redis"), any_free()))

    def mqtt(self) -> MqttServer:
        """Return an MQTT broker."""
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
