"""Writing a tenant to a file, a piece at a time, and going on where a killed export has stopped."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import bson
from bson import Timestamp
from bson.raw_bson import RawBSONDocument
from django.conf import settings
from pymongo.database import Database

from csms.version import VERSION as CSMS_VERSION
from tenants.archive.members import members_of
from tenants.archive.records import FORMAT, VERSION, ArchiveReader, ArchiveWriter, CutOff, Record, plain
from tenants.archive.snapshot import NoDatabase, Snapshot, SnapshotGone
from tenants.clients import Document, sync_client, sync_database
from tenants.models import Tenant
from tenants.routing import database_name

# What is only of use here: events on their way to this broker or refused by it, answers to requests repeated here.
LEFT_OUT = frozenset({"outbox", "undelivered_events", "idempotency_keys"})

Say = Callable[[str], None]
_left_out: dict[str, set[str]] = {}


def leave_out(collection: str, name: str) -> None:
    """Keep a field out of every file: a secret that is stored as such."""
    _left_out.setdefault(collection, set()).add(name)


class ExportFailed(Exception):
    """Nothing, or only a part, was written; the text says what to do."""


@dataclass
class _Written:
    """Where in the database a file has arrived."""

    collection: str = ""
    last: Document | None = None
    counts: dict[str, int] = field(default_factory=dict)
    complete: bool = False

    def note(self, raw: RawBSONDocument) -> None:
        """Take account of a record that stands in the file."""
        if raw["kind"] == "collection":
            self.collection, self.last = raw["name"], None
            self.counts[raw["name"]] = 0
        elif raw["kind"] == "documents":
            documents = list(raw["documents"])
            self.last = {"_id": documents[-1]["_id"]}
            self.counts[raw["collection"]] += len(documents)
        elif raw["kind"] == "end":
            self.complete = True


@dataclass
class _Begun:
    """A file that was begun before, as far as it is whole."""

    header: Record
    digest: bytes
    size: int
    written: _Written = field(default_factory=_Written)


def export_to_stream(tenant: Tenant, stream: BinaryIO, *, fixed: bool = True) -> dict[str, int]:
    """Write a tenant to a stream and return the number of documents by collection.

    With `fixed`, everything is as it was at one moment.

    Raises:
        ExportFailed: it took longer than MongoDB keeps the past, or there is no database.
    """
    snapshot = Snapshot(_database(tenant), fixed=fixed)
    try:
        snapshot.take()
    except NoDatabase as error:
        raise ExportFailed(f"{error}: run manage.py migrate_tenants --tenant {tenant.slug}") from None
    writer = ArchiveWriter(stream)
    writer.write(_header(tenant, snapshot.at))
    return _write_all(writer, snapshot, _Written())


def export_to_file(tenant: Tenant, path: Path, say: Say, *, fixed: bool = True) -> dict[str, int]:
    """Write a tenant to a file and return the number of documents by collection.

    The file is called `<path>.part` until it is whole. One that a killed export has left is gone on with, unless
    MongoDB no longer knows the moment it shows: then it is begun anew.

    Raises:
        ExportFailed: the file exists, or it took longer than MongoDB keeps the past.
    """
    if path.exists():
        raise ExportFailed(f"{path} exists: nothing is overwritten; choose another name or remove it")
    part = path.with_name(path.name + ".part")
    counts = _go_on(tenant, part, say, fixed) if part.exists() else None
    if counts is None:
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)  # hashes of passwords and keys are in it
        with part.open("wb") as stream:
            counts = export_to_stream(tenant, stream, fixed=fixed)
            os.fsync(stream.fileno())
    part.rename(path)
    return counts


def _go_on(tenant: Tenant, part: Path, say: Say, fixed: bool) -> dict[str, int] | None:
    """Complete a file that was begun, or return None if that cannot be."""
    known = _begun(part, tenant)
    if known is None or (known.header["snapshot"] is not None) is not fixed:
        say(f"{part} cannot be gone on with: beginning anew")
        return None
    snapshot = Snapshot(_database(tenant), known.header["snapshot"], fixed=fixed)
    try:
        snapshot.take()
    except SnapshotGone:
        say(f"{part} shows a moment that MongoDB has forgotten: beginning anew")
        return None
    say(f"going on with {part}, at byte {known.size}")
    with part.open("r+b") as stream:
        stream.truncate(known.size)
        stream.seek(known.size)
        if known.written.complete:
            return known.written.counts
        counts = _write_all(ArchiveWriter(stream, known.digest), snapshot, known.written)
        os.fsync(stream.fileno())
    return counts


def _begun(part: Path, tenant: Tenant) -> _Begun | None:
    with part.open("rb") as stream:
        reader = ArchiveReader(stream)
        known: _Begun | None = None
        with suppress(CutOff):  # where it was killed: what stands before is whole
            for raw in reader:
                if known is None:
                    known = _Begun(plain(raw), reader.digest, reader.position)
                    if known.header.get("tenant") != tenant.slug or known.header.get("version") != VERSION:
                        return None
                else:
                    known.written.note(raw)
                    known.digest, known.size = reader.digest, reader.position
    return known


def _write_all(writer: ArchiveWriter, snapshot: Snapshot, written: _Written) -> dict[str, int]:
    """Write what is not written yet and return the number of documents by collection."""
    counts, begun = written.counts, written.collection
    try:
        for name in snapshot.collections():
            if name in LEFT_OUT or name < begun:
                continue
            if name != begun:
                writer.write({"kind": "collection", "name": name, "indexes": snapshot.indexes(name)})
                counts[name] = 0
            after = written.last if name == begun else None
            for piece in snapshot.pieces(name, after, without=_left_out.get(name, ())):
                writer.write({"kind": "documents", "collection": name, "documents": piece})
                counts[name] += len(piece)
    except SnapshotGone:
        raise ExportFailed(
            "the export took longer than MongoDB keeps the past. Either raise its parameter"
            " minSnapshotHistoryWindowInSeconds, or suspend the tenant and export with --without-snapshot"
        ) from None
    writer.write({"kind": "end", "counts": counts})
    return counts


def _database(tenant: Tenant) -> Database[Document]:
    return sync_database(database_name(tenant.slug))


def _header(tenant: Tenant, moment: Timestamp | None) -> Record:
    database = _database(tenant)
    applied = sorted((row["app"], row["name"]) for row in database["django_migrations"].find())
    global_database = sync_client()[settings.MONGODB_GLOBAL_DATABASE]
    row = global_database[Tenant._meta.db_table].find_one({"_id": tenant.slug}) or {}
    header: Record = {
        "kind": "header",
        "format": FORMAT,
        "version": VERSION,
        "csms": CSMS_VERSION,
        "tenant": tenant.slug,
        "exported_at": datetime.now(UTC),
        "snapshot": moment,
        "migrations": [list(pair) for pair in applied],
        "settings": {name: value for name, value in row.items() if name != "_id"},
        "members": members_of(tenant),
    }
    bson.encode(header)  # before anything is written
    return header
