"""A mongod that lets nobody in without a password, with a user for the platform who sees no tenant's data."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from csms.embedded.mongodb import REPLICA_SET, MongoServer
from csms.embedded.ports import LOOPBACK, answers, any_free

PLATFORM_PASSWORD = "platform-password"
ROOT_PASSWORD = "root-password"
GLOBAL = "ocpp_global"


class AuthenticatedMongo(MongoServer):
    """Made open, so that users can be created, and then started again closed."""

    closed = False

    def command(self) -> list[str]:
        words = super().command()
        if not self.closed:
            return words
        key = self.directory / "key"
        key.write_text(secrets.token_hex(100), encoding="ascii")
        key.chmod(0o400)
        return [*words, "--auth", "--keyFile", str(key)]

    def is_ready(self) -> bool:
        if not self.closed:
            return super().is_ready()
        if not answers(self.port):
            return False
        uri = self.uri("root", ROOT_PASSWORD)
        client: MongoClient[dict[str, Any]] = MongoClient(uri, serverSelectionTimeoutMS=1000)
        try:
            return bool(client.admin.command("hello").get("isWritablePrimary"))
        except PyMongoError:
            return False
        finally:
            client.close()

    def uri(self, user: str, password: str, source: str = "admin") -> str:
        """Return the URI of a user."""
        return f"mongodb://{user}:{password}@{LOOPBACK}:{self.port}/?replicaSet={REPLICA_SET}&authSource={source}"

    def close(self) -> None:
        """Demand passwords from now on."""
        self.stop()
        self.closed = True
        self.start()


def started(directory: Path) -> AuthenticatedMongo:
    """Return a mongod with two users: `root`, and `platform` who may use the global database alone."""
    server = AuthenticatedMongo(directory, any_free(), cache_gb=0.25)
    server.start()
    client: MongoClient[dict[str, Any]] = MongoClient(server.url)
    try:
        client.admin.command("createUser", "root", pwd=ROOT_PASSWORD, roles=["root"])
        only = [{"role": "dbOwner", "db": GLOBAL}]
        client.admin.command("createUser", "platform", pwd=PLATFORM_PASSWORD, roles=only)
    finally:
        client.close()
    server.close()
    return server
