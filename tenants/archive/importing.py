"""Making a tenant out of a file: checked piece by piece, unseen until it is whole, and resumable."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, BinaryIO

from bson.raw_bson import RawBSONDocument
from django.conf import settings
from django.db import connections
from django.db.migrations.loader import MigrationLoader
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from tenants.archive.exporting import LEFT_OUT
from tenants.archive.members import restore_members
from tenants.archive.records import FORMAT, VERSION, ArchiveReader, BadArchive, CutOff, Record, plain
from tenants.clients import Document, sync_client, sync_database
from tenants.lifecycle import tenant_imported
from tenants.migration import migrate_tenant
from tenants.models import Tenant
from tenants.routing import GLOBAL_ALIAS, database_name

# How far an import has come, in the database that it fills; gone when the tenant is there.
PROGRESS = "import_progress"
_DUPLICATE_KEY = 11000


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
    imported = Imported(slug or header["tenant"])
    database = _free_database(imported.slug)
    progress = _Progress(database[PROGRESS], reader.digest.hex())
    imported.resumed_at = progress.done
    end = _fill(database, records, progress, imported.counts)
    if end is None:
        raise CutOff("the file ends before the tenant does: export it again, or copy it again")
    if end != imported.counts:
        raise BadArchive(f"the file has {imported.counts} and says that it has {end}")
    if not progress.whole:
        migrate_tenant(imported.slug)
        tenant_imported.send(sender=Tenant, slug=imported.slug)
        imported.left_out = restore_members(imported.slug, header["members"])
        progress.note_whole()
    if not Tenant.objects.filter(slug=imported.slug).exists():
        _store_tenant(imported.slug, header["settings"], active=active)
    database.drop_collection(PROGRESS)
    return imported


def _header(raw: RawBSONDocument | None) -> Record:
    header = {} if raw is None else plain(raw)
    if header.get("format") != FORMAT:
        raise BadArchive("this is no file of export_tenant")
    if header["version"] != VERSION:
        raise ImportRefused(
            f"the file has version {header['version']} of the format, and this CSMS knows version {VERSION}"
        )
    known = MigrationLoader(None).disk_migrations
    unknown = [f"{app}.{name}" for app, name in header["migrations"] if _unknown(app, name, known)]
    if unknown:
        raise ImportRefused(f"the file was made by a newer CSMS ({', '.join(unknown)}): update this one first")
    return header


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
        kind = raw["kind"]
        if kind == "end":
            return dict(raw["counts"])
        name = raw["name" if kind == "collection" else "collection"]
        if name in LEFT_OUT or name == PROGRESS or name.startswith("system."):
            raise BadArchive(f"the file has a collection {name!r}, which no export has")
        counts.setdefault(name, 0)
        if kind == "documents":
            counts[name] += len(raw["documents"])
        if number > progress.done:
            _store(database, name, raw)
            progress.note(number)
    return None


def _store(database: Database[Document], name: str, raw: RawBSONDocument) -> None:
    if raw["kind"] == "collection":
        if name not in database.list_collection_names():
            database.create_collection(name)
        indexes = [plain(index) for index in raw["indexes"]]
        if indexes:
            database.command({"createIndexes": name, "indexes": indexes})
        return
    try:
        database[name].insert_many(raw["documents"], ordered=False)
    except BulkWriteError as error:
        # Those that the killed import has stored already.
        others = [one for one in error.details["writeErrors"] if one["code"] != _DUPLICATE_KEY or not _same(one)]
        if others:
            raise


def _same(error: Document) -> bool:
    return list(error.get("keyPattern", {})) == ["_id"]


def _store_tenant(slug: str, stored: Document, *, active: bool) -> None:
    connection = connections[GLOBAL_ALIAS]
    status = Tenant.Status.ACTIVE if active else Tenant.Status.SUSPENDED
    tenant = Tenant(slug=slug, name=stored.get("name", slug))
    fresh = {each.column: each.get_db_prep_save(each.pre_save(tenant, add=True), connection) for each in _columns()}
    known = {name: value for name, value in stored.items() if name in fresh}
    row = {**fresh, **known, "_id": slug, "status": status.value}
    tenants = sync_client()[settings.MONGODB_GLOBAL_DATABASE][Tenant._meta.db_table]
    tenants.insert_one(row)


def _columns() -> Any:
    return Tenant._meta.concrete_fields
