"""Making a tenant out of a file: checked piece by piece, unseen until it is whole, and resumable."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, BinaryIO

from bson.raw_bson import RawBSONDocument
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connections
from django.db.migrations.loader import MigrationLoader
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError, OperationFailure

from tenants.archive.exporting import LEFT_OUT
from tenants.archive.members import check_members, restore_members
from tenants.archive.records import FORMAT, VERSION, ArchiveReader, BadArchive, CutOff, Record, plain, value_of
from tenants.clients import Document, sync_client, sync_database
from tenants.lifecycle import tenant_imported
from tenants.migration import migrate_tenant
from tenants.models import Tenant
from tenants.routing import GLOBAL_ALIAS, database_name

# How far an import has come, in the database that it fills; gone when the tenant is there.
PROGRESS = "import_progress"
_DUPLICATE_KEY = 11000
# Where a record says which collection it is about.
_NAMED_BY = {"collection": "name", "documents": "collection"}
_NAME = re.compile(r"[^$.\0]+(\.[^$.\0]+)*")


class ImportRefused(Exception):
    """Nothing was changed; the text says why, and what to do."""


@dataclass
class Imported:
    """What an import has made."""

    slug: str
    counts: dict[str, int] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    resumed_at: int = 0


def import_from_stream(stream: BinaryIO, slug: str | None = None, *, active: bool = False) -> Imported:
    """Make a tenant of a file, under its own slug or another one, and return what was made.

    It is suspended unless `active`. After a kill the same import goes on where it was.

    Raises:
        ImportRefused: there is such a tenant, or something in its database; or the file is of a newer version.
        BadArchive: the file is damaged, cut off, or no exported tenant. What was imported so far stays for a resume.
    """
    reader = ArchiveReader(stream)
    records = iter(reader)
    header = _header(next(records, None))
    imported = Imported(header["tenant"] if slug is None else slug)
    tenant = _tenant(imported.slug, header["settings"], active=active)
    database = _free_database(imported.slug)
    progress = _Progress(database[PROGRESS], reader.digest.hex())
    imported.resumed_at = progress.done
    end = _fill(database, records, progress, imported.counts)
    if end is None:
        raise CutOff("the file ends before the tenant does: export it again, or copy it again")
    if end != imported.counts:
        names = {name for name in {*end, *imported.counts} if end.get(name) != imported.counts.get(name)}
        raise BadArchive(f"the file has more or fewer documents than it says, of {', '.join(sorted(names)[:5])}")
    if next(records, None) is not None:
        raise BadArchive("the file goes on behind its end: no export is like that")
    if not progress.whole:
        migrate_tenant(imported.slug)
        tenant_imported.send(sender=Tenant, slug=imported.slug)
        imported.left_out = restore_members(imported.slug, header["members"])
        progress.note_whole()
    if not Tenant.objects.filter(slug=imported.slug).exists():
        _store_tenant(tenant)
    database.drop_collection(PROGRESS)
    return imported


def _header(raw: RawBSONDocument | None) -> Record:
    header = {} if raw is None else plain(raw)
    if header.get("format") != FORMAT:
        raise BadArchive("this is no file of export_tenant")
    version = value_of(header, "version", int)
    if version != VERSION:
        raise ImportRefused(f"the file has version {version} of the format, and this CSMS knows version {VERSION}")
    value_of(header, "tenant", str)
    value_of(header, "settings", dict)
    check_members(value_of(header, "members", list))
    known = MigrationLoader(None).disk_migrations
    unknown = [f"{app}.{name}" for app, name in _migrations(header) if _unknown(app, name, known)]
    if unknown:
        raise ImportRefused(f"the file was made by a newer CSMS ({', '.join(unknown)}): update this one first")
    return header


def _migrations(header: Record) -> list[list[str]]:
    found: list[Any] = value_of(header, "migrations", list)
    for one in found:
        if not (isinstance(one, list) and len(one) == 2 and all(isinstance(part, str) for part in one)):
            raise BadArchive("the file names a migration that is none: no export is like that")
    return found


def _unknown(app: str, name: str, known: Any) -> bool:
    # An app of the user's own may be missing here; its data is imported all the same.
    return (app, name) not in known and any(app == other for other, _ in known)


def _free_database(slug: str) -> Database[Document]:
    try:
        name = database_name(slug)
    except ValueError as error:
        raise ImportRefused(str(error)) from None
    database = sync_database(name)
    # A tenant that is there and still has the mark was imported by a process that was killed at its very end.
    if Tenant.objects.filter(slug=slug).exists() and database[PROGRESS].find_one() is None:
        raise ImportRefused(f"there is a tenant {slug!r}: nothing is overwritten. Import it under another slug")
    found = set(database.list_collection_names())
    if found and PROGRESS not in found:
        raise ImportRefused(f"there is a database {name} with data in it, but no such tenant: look, and drop it first")
    return database


class _Progress:
    """Counts the records that are stored, so that the same file can be gone on with."""

    def __init__(self, collection: Collection[Document], source: str) -> None:
        self._collection = collection
        known = collection.find_one({"_id": "import"})
        if known is not None and known["source"] != source:
            raise ImportRefused(
                f"another file was imported here and not to its end: import that one again, or drop the database"
                f" {collection.database.name}"
            )
        if known is None:
            collection.insert_one({"_id": "import", "source": source, "records": 0})
        self.done = 0 if known is None else int(known["records"])
        self.whole = known is not None and bool(known.get("whole"))

    def note(self, records: int) -> None:
        """Remember that so many records are stored."""
        self._collection.update_one({"_id": "import"}, {"$set": {"records": records}})

    def note_whole(self) -> None:
        """Remember that only the tenant itself is missing."""
        self._collection.update_one({"_id": "import"}, {"$set": {"whole": True}})


def _fill(
    database: Database[Document], records: Any, progress: _Progress, counts: dict[str, int]
) -> dict[str, int] | None:
    """Store the records behind the header; return the counts the file ends with, None if it does not end."""
    for number, raw in enumerate(records, start=1):
        kind = value_of(raw, "kind", str)
        if kind == "end":
            return dict(value_of(raw, "counts", RawBSONDocument))
        if kind not in _NAMED_BY:
            raise BadArchive(f"the file has a record of the kind {kind!r}, which no export has")
        name = value_of(raw, _NAMED_BY[kind], str)
        if name in LEFT_OUT or name == PROGRESS or not _NAME.fullmatch(name) or name.startswith("system."):
            raise BadArchive(f"the file has a collection {name!r}, which no export has")
        counts.setdefault(name, 0)
        if kind == "documents":
            counts[name] += len(value_of(raw, "documents", list))
        if number > progress.done:
            _store(database, name, raw, again=number == progress.done + 1)
            progress.note(number)
    return None


def _store(database: Database[Document], name: str, raw: RawBSONDocument, *, again: bool) -> None:
    """Store a record; `again`: a killed import may have stored it, or a part of it, and not noted that."""
    try:
        if raw["kind"] == "collection":
            _create(database, name, _records_in(raw, "indexes"))
        elif documents := _records_in(raw, "documents"):
            database[name].insert_many(documents, ordered=False)
    except BulkWriteError as error:
        others = [one for one in error.details["writeErrors"] if not (again and _same(one))]
        if others:
            raise _refused(name, others[0]["code"]) from None
    except OperationFailure as error:
        raise _refused(name, error.code) from None


def _create(database: Database[Document], name: str, indexes: list[RawBSONDocument]) -> None:
    if name not in database.list_collection_names():
        database.create_collection(name)
    if indexes:
        database.command({"createIndexes": name, "indexes": [plain(index) for index in indexes]})


def _records_in(raw: RawBSONDocument, name: str) -> list[RawBSONDocument]:
    found: list[Any] = value_of(raw, name, list)
    if not all(isinstance(one, RawBSONDocument) for one in found):
        raise BadArchive(f"the file has {name} that are no records: no export is like that")
    return found


def _refused(name: str, code: int | None) -> BadArchive:
    # What MongoDB says quotes the document: id tags, hashes.
    reason = "a value that must be there once is there twice" if code == _DUPLICATE_KEY else f"error {code}"
    return BadArchive(f"MongoDB does not take what the file has for the collection {name!r}: {reason}")


def _same(error: Document) -> bool:
    return error["code"] == _DUPLICATE_KEY and list(error.get("keyPattern", {})) == ["_id"]


def _tenant(slug: str, stored: Document, *, active: bool) -> Tenant:
    """Return the tenant that the settings of the file describe; those it has no value for are as for a new one."""
    tenant = Tenant(slug=slug, name=stored.get("name", slug))
    for each in Tenant._meta.concrete_fields:
        if each.column not in stored or each.primary_key:
            continue
        try:
            value = each.to_python(stored[each.column])
            each.validate(value, tenant)
        except (ValidationError, TypeError, ValueError, ArithmeticError):
            raise BadArchive(f"the tenant in the file has a {each.column!r} that cannot be") from None
        setattr(tenant, each.attname, value)
    tenant.status = Tenant.Status.ACTIVE if active else Tenant.Status.SUSPENDED
    tenant.database_ready = True
    return tenant


def _store_tenant(tenant: Tenant) -> None:
    connection = connections[GLOBAL_ALIAS]
    # What the file says of its past stays: nothing here is a change of today.
    moments = {name: getattr(tenant, name) or datetime.now(UTC) for name in ("created_at", "updated_at")}
    for name, moment in moments.items():
        setattr(tenant, name, moment)
    columns: Any = Tenant._meta.concrete_fields
    row = {each.column: each.get_db_prep_save(getattr(tenant, each.attname), connection) for each in columns}
    sync_client()[settings.MONGODB_GLOBAL_DATABASE][Tenant._meta.db_table].insert_one(row)
