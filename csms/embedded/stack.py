"""MongoDB, Redis and the MQTT broker together: one call starts them, one stops them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from csms.embedded.mongodb import MongoServer
from csms.embedded.mqtt import mqtt_server
from csms.embedded.ports import any_free
from csms.embedded.redis import RedisServer
from csms.embedded.server import Server

# Settings a terminal may hold for other servers: ours ask for no password, and each has one source.
FOREIGN_SETTINGS = frozenset(
    f"{name}{ending}"
    for name in (
        "MONGODB_URI",
        "REDIS_PASSWORD",
        "REDIS_SENTINEL_PASSWORD",
        "MQTT_USERNAME",
        "MQTT_PASSWORD",
        "SECRET_KEY",
        "JWT_SECRET",
    )
    for ending in ("", "_FILE")
)


@dataclass(frozen=True, slots=True)
class StackPorts:
    """Where the three servers listen."""

    mongodb: int
    redis: int
    mqtt: int

    @classmethod
    def free(cls) -> StackPorts:
        """Return three ports nobody uses."""
        chosen: set[int] = set()
        while len(chosen) < 3:
            chosen.add(any_free())
        return cls(*chosen)


class Stack:
    """The three servers with their data under `directory`; a context manager that stops them.

    Args:
        directory: gets the sub-directories mongodb, redis and mqtt.
        ports: free ones by default.
        logs: the directory for the log files; each server's own directory by default.
        mongodb_cache_gb: memory MongoDB may take for its cache, in GiB.
    """

    def __init__(
        self,
        directory: Path,
        ports: StackPorts | None = None,
        *,
        logs: Path | None = None,
        mongodb_cache_gb: float = 0.5,
    ) -> None:
        ports = ports or StackPorts.free()

        def log(name: str) -> Path | None:
            return logs / f"{name}.log" if logs else None

        self.mongodb = MongoServer(directory / "mongodb", ports.mongodb, log("mongodb"), cache_gb=mongodb_cache_gb)
        self.redis = RedisServer(directory / "redis", ports.redis, log("redis"))
        self.mqtt = mqtt_server(directory / "mqtt", ports.mqtt, log("mqtt"))

    @property
    def servers(self) -> tuple[Server, ...]:
        """All three, the longest to start first."""
        return (self.mongodb, self.redis, self.mqtt)

    def start(self, progress: Callable[[Server], None] = lambda server: None) -> None:
        """Start all at once and return when all are ready; `progress` is called with each that is.

        Raises ProcessFailed when one does not come up; none is left running then.
        """
        try:
            for server in self.servers:
                server.launch()
            for server in self.servers:
                server.wait_ready()
                progress(server)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all, each by its pid; the data stays."""
        for server in self.servers:
            server.process.ask_to_stop()
        for server in reversed(self.servers):
            server.stop()

    def urls(self) -> dict[str, str]:
        """Return the addresses by server name, as `run.json` shows them."""
        return {server.name: server.url for server in self.servers}

    def pids(self) -> dict[str, int]:
        """Return the pids by server name."""
        return {server.name: server.pid for server in self.servers}

    def environment(self) -> dict[str, str]:
        """Return the product's settings that point at these servers."""
        return {
            "MONGODB_URI": self.mongodb.url,
            "REDIS_ADDR": self.redis.address,
            "MQTT_BROKER_URL": self.mqtt.url,
        }

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
