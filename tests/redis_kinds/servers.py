"""Redis as it runs in production: a primary with a replica that Sentinels watch, and a cluster."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Self

import redis

from csms.embedded.ports import LOOPBACK, any_free
from csms.embedded.redis import RedisServer, redis_server

PRIMARY = "csms-primary"
_SLOTS = 16384
# Milliseconds without an answer after which a server is taken for dead.
_DEAD_AFTER = 1000
_DEADLINE = 60.0


class ClusterNode(RedisServer):
    """One server of a cluster."""

    name = "redis-node"

    def command(self) -> list[str]:
        options = ["--cluster-enabled", "yes", "--cluster-node-timeout", str(_DEAD_AFTER)]
        return [*super().command(), *options]

    @property
    def client(self) -> redis.Redis:
        return redis.Redis(host=LOOPBACK, port=self.port)


@dataclass(frozen=True, slots=True)
class Passwords:
    """What the servers ask for; nothing where it is empty."""

    redis: str = ""
    sentinel: str = ""


def new_passwords() -> Passwords:
    """Return passwords that nobody knows, one for Redis and another for the Sentinels."""
    return Passwords(secrets.token_hex(16), secrets.token_hex(16))


class GuardedServer(RedisServer):
    """A server that asks for a password, and has it for others of its kind."""

    def __init__(self, directory: Path, password: str) -> None:
        super().__init__(directory, any_free())
        self.password = password

    def command(self) -> list[str]:
        guard = ["--requirepass", self.password, "--masterauth", self.password] if self.password else []
        return [*super().command(), *guard]

    def is_ready(self) -> bool:
        with suppress(redis.RedisError):
            return bool(self.client.ping())
        return False

    @property
    def client(self) -> redis.Redis:
        return redis.Redis(host=LOOPBACK, port=self.port, password=self.password or None, decode_responses=True)


class SentinelServer(GuardedServer):
    """A Sentinel that watches one primary."""

    name = "redis-sentinel"

    def __init__(self, directory: Path, primary: GuardedServer, password: str) -> None:
        super().__init__(directory, password)
        self._primary = primary

    def command(self) -> list[str]:
        configuration = self.directory / "sentinel.conf"
        lines = [
            f"port {self.port}",
            f"bind {LOOPBACK}",
            f"dir {self.directory}",
            f"sentinel monitor {PRIMARY} {LOOPBACK} {self._primary.port} 1",
            f"sentinel down-after-milliseconds {PRIMARY} {_DEAD_AFTER}",
            f"sentinel failover-timeout {PRIMARY} 5000",
        ]
        if self._primary.password:
            lines.append(f"sentinel auth-pass {PRIMARY} {self._primary.password}")
        if self.password:
            lines.append(f"requirepass {self.password}")
        configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return [redis_server(), str(configuration), "--sentinel"]


class ReplicaServer(GuardedServer):
    """A copy of a primary."""

    name = "redis-replica"

    def __init__(self, directory: Path, primary: GuardedServer) -> None:
        super().__init__(directory, primary.password)
        self._primary_port = primary.port

    def command(self) -> list[str]:
        return [*super().command(), "--replicaof", LOOPBACK, str(self._primary_port)]


class Watched:
    """A primary, its replica, and a Sentinel that puts the replica in its place."""

    def __init__(self, directory: Path, passwords: Passwords = Passwords()) -> None:
        self.primary = GuardedServer(directory / "primary", passwords.redis)
        self.replica = ReplicaServer(directory / "replica", self.primary)
        self.sentinel = SentinelServer(directory / "sentinel", self.primary, passwords.sentinel)
        # The product's settings that lead to them.
        self.settings = {"REDIS_ADDR": self.address}
        if passwords.redis:
            self.settings["REDIS_PASSWORD"] = passwords.redis
        if passwords.sentinel:
            self.settings["REDIS_SENTINEL_PASSWORD"] = passwords.sentinel

    @property
    def address(self) -> str:
        return f"redis+sentinel://{LOOPBACK}:{self.sentinel.port}/{PRIMARY}"

    def start(self) -> Self:
        for server in (self.primary, self.replica, self.sentinel):
            server.start()
        sentinel, replica = self.sentinel.client, self.replica.client
        _until(lambda: replica.info("replication")["master_link_status"] == "up", "the replica has no copy")
        _until(lambda: len(sentinel.sentinel_slaves(PRIMARY)) == 1, "the Sentinel knows no replica")
        return self

    def lose_primary(self) -> None:
        """Kill the primary; the clients have to find out by themselves."""
        self.primary.kill()

    def stop(self) -> None:
        for server in (self.sentinel, self.replica, self.primary):
            server.stop()


class Cluster:
    """Three primaries that share the slots, and a replica of the first."""

    def __init__(self, directory: Path) -> None:
        self.nodes = [ClusterNode(directory / f"node-{place}", _port_with_bus()) for place in range(4)]
        self.settings = {"REDIS_ADDR": self.address}

    @property
    def address(self) -> str:
        return f"redis+cluster://{self.nodes[1].address}"

    def start(self) -> Self:
        for node in self.nodes:
            node.start()
        primaries = self.nodes[:3]
        share = _SLOTS // 3 + 1
        for place, node in enumerate(primaries):
            node.client.execute_command("CLUSTER ADDSLOTS", *range(share * place, min(share * (place + 1), _SLOTS)))
            node.client.execute_command("CLUSTER MEET", LOOPBACK, self.nodes[0].port)
        self.nodes[3].client.execute_command("CLUSTER MEET", LOOPBACK, self.nodes[0].port)
        _until(lambda: all(self._knows_all(node) for node in self.nodes), "the nodes do not know each other")
        first = self.nodes[0].client.execute_command("CLUSTER MYID")
        self.nodes[3].client.execute_command("CLUSTER REPLICATE", first)
        _until(lambda: all(self._is_well(node) for node in self.nodes), "the cluster is not well")
        replica = self.nodes[3].client
        _until(lambda: replica.info("replication").get("master_link_status") == "up", "the replica has no copy")
        return self

    def lose_primary(self) -> None:
        """Kill the primary that has a replica."""
        self.nodes[0].kill()

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()

    def _knows_all(self, node: ClusterNode) -> bool:
        known = node.client.execute_command("CLUSTER NODES")
        return set(known) == {other.address for other in self.nodes} and "handshake" not in str(known)

    def _is_well(self, node: ClusterNode) -> bool:
        return bool(node.client.execute_command("CLUSTER INFO")["cluster_state"] == "ok")


@contextmanager
def running(server: Watched | Cluster) -> Iterator[None]:
    """Run servers inside the block."""
    with ExitStack() as stack:
        stack.callback(server.stop)
        server.start()
        yield


def _port_with_bus() -> int:
    """Return a free port whose bus port, 10,000 above, is free too."""
    while True:
        port = any_free()
        with socket.socket() as bus:
            try:
                bus.bind((LOOPBACK, port + 10000))
            except OSError:
                continue
            return port


def _until(condition: Callable[[], bool], otherwise: str) -> None:
    """Ask again until it is so: these servers tell nobody when they are ready."""
    end = monotonic() + _DEADLINE
    while not condition():
        assert monotonic() < end, otherwise
