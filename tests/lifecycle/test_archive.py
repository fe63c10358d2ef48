"""A tenant in a file: everything comes back, nothing is overwritten, kills and damage are survived or told."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from django.core.management import CommandError, call_command
from gridfs import GridFSBucket
from pymongo.database import Database

from chargepoints.log_files import BUCKET
from tenants.archive import exporting, importing
from tenants.archive.exporting import export_to_file, export_to_stream
from tenants.archive.importing import PROGRESS, ImportRefused, import_from_stream
from tenants.archive.records import ArchiveReader, ArchiveWriter, BadArchive, CutOff, plain
from tenants.archive.snapshot import Snapshot, SnapshotGone
from tenants.clients import sync_client
from tenants.context import tenant_scope
from tenants.models import Membership, Tenant, User
from tenants.provisioning import create_tenant
from tenants.routing import database_name
from tests.isolation.belongings import FILE, NAMED, Belongings, tenant_models
from tests.rest.conftest import Api, Company
from tests.serving import ROOT

LEFT_OUT = {"outbox", "undelivered_events", "idempotency_keys"}


def database_of(slug: str) -> Any:
    return sync_client()[database_name(slug)]


def contents(slug: str) -> dict[str, list[Any]]:
    database = database_of(slug)
    names = [name for name in database.list_collection_names() if not name.startswith("system.")]
    return {name: list(database[name].find().sort("_id")) for name in sorted(names) if name not in LEFT_OUT}


def indexes(slug: str) -> dict[str, Any]:
    database = database_of(slug)
    return {
        name: sorted((sorted(index.items(), key=str) for index in database[name].list_indexes()), key=str)
        for name in database.list_collection_names()
        if name not in LEFT_OUT
    }


def exported(tenant: Tenant) -> bytes:
    stream = io.BytesIO()
    export_to_stream(tenant, stream)
    return stream.getvalue()


def tenant_of(owned: Belongings) -> Tenant:
    return Tenant.objects.get(slug=owned.company.slug)


def records(data: bytes) -> list[Any]:
    return [plain(raw) for raw in ArchiveReader(io.BytesIO(data))]


# -- There and back ----------------------------------------------------------------------------


def test_everything_comes_back_under_another_slug(owned: Belongings, copy_slug: str) -> None:
    Tenant.objects.filter(slug=owned.company.slug).update(max_charge_points=77, message_log="errors")
    before = contents(owned.company.slug)

    made = import_from_stream(io.BytesIO(exported(tenant_of(owned))), copy_slug)

    after = contents(copy_slug)
    # Commands that are open are ended, see below.
    assert {name: rows for name, rows in after.items() if name != "commands"} == {
        name: rows for name, rows in before.items() if name != "commands"
    }
    assert indexes(copy_slug) == indexes(owned.company.slug)
    assert {model._meta.db_table for model in tenant_models()} - LEFT_OUT <= set(made.counts)
    copied = Tenant.objects.get(slug=copy_slug)
    assert (copied.max_charge_points, copied.message_log, copied.status) == (77, "errors", "suspended")
    key = ObjectId(NAMED["file_id"].format(n=1))
    assert GridFSBucket(database_of(copy_slug), BUCKET).open_download_stream(key).read() == FILE
    assert contents(owned.company.slug) == before


def test_the_copy_is_there_for_the_same_people(owned: Belongings, copy_slug: str) -> None:
    import_from_stream(io.BytesIO(exported(tenant_of(owned))), copy_slug, active=True)

    members = Membership.objects.filter(tenant_id=copy_slug).values_list("user__username", "role")
    assert sorted(members) == sorted((user.username, role) for role, user in owned.company.users.items())
    # Of two tenants a token names one.
    api: Api = Company(copy_slug, owned.company.users).api("viewer")
    assert [row["id"] for row in api.get("chargepoints").json()["results"]] == ["AMP1", "AMP2"]


def test_people_who_were_deleted_come_back_with_their_password_and_nothing_more(
    owned: Belongings, copy_slug: str
) -> None:
    admin = owned.company.users["admin"]
    User.objects.filter(pk=admin.pk).update(is_superuser=True, is_staff=True)
    data = exported(tenant_of(owned))
    User.objects.filter(pk=admin.pk).delete()

    made = import_from_stream(io.BytesIO(data), copy_slug)

    back = User.objects.get(username=admin.username)
    assert made.left_out == []
    assert back.check_password("correct-horse-battery-staple")
    assert (back.is_superuser, back.is_staff, back.pk) == (False, False, admin.pk)


def test_a_stranger_of_the_same_name_gets_no_access(owned: Belongings, copy_slug: str) -> None:
    viewer = owned.company.users["viewer"]
    data = exported(tenant_of(owned))
    User.objects.filter(pk=viewer.pk).delete()
    stranger = User.objects.create_user(viewer.username, password="another one entirely")

    made = import_from_stream(io.BytesIO(data), copy_slug)

    assert made.left_out == [viewer.username]
    assert not Membership.objects.filter(user=stranger, tenant_id=copy_slug).exists()


def test_a_deleted_tenant_comes_back_under_its_own_slug(owned: Belongings) -> None:
    tenant, before = tenant_of(owned), contents(owned.company.slug)
    data = exported(tenant)
    tenant.delete()
    sync_client().drop_database(database_name(owned.company.slug))

    try:
        import_from_stream(io.BytesIO(data))
    finally:
        create_tenant(owned.company.slug, "Amperia")  # the database is that of other tests, too

    after = contents(owned.company.slug)
    assert after["sessions"] == before["sessions"]
    assert after["meter_values"] == before["meter_values"]


def test_what_was_under_way_is_not_done_a_second_time(owned: Belongings, copy_slug: str) -> None:
    database = database_of(owned.company.slug)
    database["commands"].update_one({"_id": "amp-command-1"}, {"$set": {"state": "queued"}})
    database["commands"].update_one({"_id": "amp-command-2"}, {"$set": {"state": "sent"}})
    database["charge_points"].update_one({"_id": "AMP1"}, {"$set": {"connected": {"instance": "gone", "epoch": 1}}})
    database["outbox"].insert_one({"events": [{"topic": "ocpp/events/x", "payload": b"{}"}]})

    import_from_stream(io.BytesIO(exported(tenant_of(owned))), copy_slug)

    copied = database_of(copy_slug)
    ends = {row["_id"]: (row["state"], row["error"]["code"]) for row in copied["commands"].find()}
    assert ends == {"amp-command-1": ("cancelled", "Imported"), "amp-command-2": ("timed_out", "Imported")}
    assert copied["charge_points"].count_documents({"connected": {"$ne": None}}) == 0
    assert copied["outbox"].count_documents({}) == 0


def test_keys_are_in_no_file(owned: Belongings) -> None:
    secret = {"payload": {"key": "AuthorizationKey", "value": "deadbeefdeadbeefdeadbeef"}, "hash": "sha256$x"}
    database_of(owned.company.slug)["commands"].update_one({"_id": "amp-command-1"}, {"$set": {"secret": secret}})

    data = exported(tenant_of(owned))

    assert b"deadbeef" not in data
    assert b"sha256$x" in data


# -- Consistency ---------------------------------------------------------------------------------


def test_the_file_shows_one_moment(owned: Belongings, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written between two pieces is in none of them."""
    database = database_of(owned.company.slug)
    pieces = Snapshot.pieces

    def and_write(self: Snapshot, name: str, *args: Any, **kwargs: Any) -> Any:
        database["sessions"].update_one({"_id": "amp-session-1"}, {"$inc": {"energy_wh": 1000}})
        database["wanted_settings"].insert_one({"_id": f"During{name}"})
        return pieces(self, name, *args, **kwargs)

    monkeypatch.setattr(Snapshot, "pieces", and_write)

    data = exported(tenant_of(owned))

    assert b"During" not in data
    sessions = next(r for r in records(data) if r["kind"] == "documents" and r["collection"] == "sessions")
    assert sessions["documents"][0]["energy_wh"] == 0


def test_ids_of_every_type_are_read_in_small_pieces(owned: Belongings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenants.archive.snapshot._BATCH", 2)
    odd = database_of(owned.company.slug)["odd"]
    ids: list[Any] = [*range(5), "a", "b", "c", ObjectId(), {"x": 1}, True, None]
    odd.insert_many([{"_id": each} for each in ids])
    try:
        found = [row["_id"] for piece in Snapshot(odd.database).pieces("odd") for row in piece]
        plainly = [dict(each) if isinstance(each, RawBSONDocument) else each for each in found]
        assert sorted(map(repr, plainly)) == sorted(map(repr, (row["_id"] for row in odd.find())))
    finally:
        odd.drop()


def test_a_moment_that_mongodb_has_forgotten_is_told(owned: Belongings, monkeypatch: pytest.MonkeyPatch) -> None:
    def forgotten(self: Snapshot, *args: Any, **kwargs: Any) -> Any:
        raise SnapshotGone

    monkeypatch.setattr(Snapshot, "pieces", forgotten)
    with pytest.raises(exporting.ExportFailed, match="--without-snapshot"):
        exported(tenant_of(owned))


# -- Kills ---------------------------------------------------------------------------------------


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


def killed_after(monkeypatch: pytest.MonkeyPatch, target: Any, name: str, calls: int) -> None:
    original: Callable[..., Any] = getattr(target, name)
    left = [calls]

    def counted(*args: Any, **kwargs: Any) -> Any:
        if not left[0]:
            raise Killed
        left[0] -= 1
        return original(*args, **kwargs)

    monkeypatch.setattr(target, name, counted)


@pytest.mark.parametrize("cut", [1, 5000])
def test_a_killed_export_goes_on(
    owned: Belongings, tmp_path: Path, copy_slug: str, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    """Whatever it had written, also half a record; the file shows the moment at which it was begun."""
    monkeypatch.setattr("tenants.archive.snapshot._BATCH", 1)
    file, part = tmp_path / "amp.tenant", tmp_path / "amp.tenant.part"
    said: list[str] = []
    whole = exported(tenant_of(owned))
    with monkeypatch.context() as until:
        killed_after(until, ArchiveWriter, "write", 30)
        with pytest.raises(Killed):
            export_to_file(tenant_of(owned), file, said.append)
    part.write_bytes(part.read_bytes()[: part.stat().st_size - cut])
    database_of(owned.company.slug)["wanted_settings"].insert_one({"_id": "WrittenLater"})

    export_to_file(tenant_of(owned), file, said.append)

    assert "going on" in said[0]
    assert not part.exists()
    assert b"WrittenLater" not in file.read_bytes()
    documents = [r for r in records(file.read_bytes()) if r["kind"] != "header"]
    assert documents == [r for r in records(whole) if r["kind"] != "header"]
    import_from_stream(io.BytesIO(file.read_bytes()), copy_slug)


def test_what_a_killed_export_left_of_another_moment_is_begun_anew(owned: Belongings, tmp_path: Path) -> None:
    file, part = tmp_path / "a", tmp_path / "a.part"
    said: list[str] = []
    part.write_bytes(b"\x05\x00")
    export_to_file(tenant_of(owned), file, said.append)
    assert "anew" in said[0]
    assert records(file.read_bytes())[-1]["kind"] == "end"


@pytest.mark.parametrize("stored", [0, 9, 40])
def test_a_killed_import_goes_on(
    owned: Belongings, copy_slug: str, monkeypatch: pytest.MonkeyPatch, stored: int
) -> None:
    data = exported(tenant_of(owned))
    with monkeypatch.context() as until:
        # Between the write of a piece and the note of it, the worst moment.
        killed_after(until, importing._Progress, "note", stored)
        try:
            import_from_stream(io.BytesIO(data), copy_slug)
        except Killed:
            assert not Tenant.objects.filter(slug=copy_slug).exists()

    if not Tenant.objects.filter(slug=copy_slug).exists():
        import_from_stream(io.BytesIO(data), copy_slug)

    assert contents(copy_slug)["sessions"] == contents(owned.company.slug)["sessions"]
    assert contents(copy_slug)["meter_values"] == contents(owned.company.slug)["meter_values"]
    assert PROGRESS not in database_of(copy_slug).list_collection_names()


def test_an_import_that_was_killed_when_all_was_there_ends(
    owned: Belongings, copy_slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = exported(tenant_of(owned))
    with monkeypatch.context() as until:
        killed_after(until, Database, "drop_collection", 0)
        with pytest.raises(Killed):
            import_from_stream(io.BytesIO(data), copy_slug)
    Tenant.objects.filter(slug=copy_slug).update(name="Changed by hand meanwhile")

    import_from_stream(io.BytesIO(data), copy_slug)

    assert Tenant.objects.get(slug=copy_slug).name == "Changed by hand meanwhile"
    with pytest.raises(ImportRefused, match="there is a tenant"):
        import_from_stream(io.BytesIO(data), copy_slug)


# -- Refusals ------------------------------------------------------------------------------------


def test_nothing_is_overwritten(owned: Belongings, voltway: Company, copy_slug: str, tmp_path: Path) -> None:
    data = exported(tenant_of(owned))
    with pytest.raises(ImportRefused, match="there is a tenant"):
        import_from_stream(io.BytesIO(data))
    with pytest.raises(ImportRefused, match="there is a tenant"):
        import_from_stream(io.BytesIO(data), voltway.slug)
    database_of(copy_slug)["sessions"].insert_one({"_id": "somebody's"})
    with pytest.raises(ImportRefused, match="with data in it"):
        import_from_stream(io.BytesIO(data), copy_slug)
    with pytest.raises(ImportRefused, match="not a tenant slug"):
        import_from_stream(io.BytesIO(data), "../etc")
    (tmp_path / "there").write_bytes(b"")
    with pytest.raises(CommandError, match="nothing is overwritten"):
        call_command("export_tenant", owned.company.slug, str(tmp_path / "there"))


def test_two_files_are_not_mixed(owned: Belongings, copy_slug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = exported(tenant_of(owned)), exported(tenant_of(owned))
    with monkeypatch.context() as until:
        killed_after(until, importing._Progress, "note", 5)
        with pytest.raises(Killed):
            import_from_stream(io.BytesIO(first), copy_slug)
    with pytest.raises(ImportRefused, match="another file"):
        import_from_stream(io.BytesIO(second), copy_slug)


@pytest.mark.parametrize("place", [10, 300, 3000, -40])
def test_damage_is_found(owned: Belongings, copy_slug: str, place: int) -> None:
    data = bytearray(exported(tenant_of(owned)))
    data[place] ^= 1
    with pytest.raises(BadArchive):
        import_from_stream(io.BytesIO(bytes(data)), copy_slug)
    assert not Tenant.objects.filter(slug=copy_slug).exists()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_half_a_file_makes_no_tenant(owned: Belongings, copy_slug: str, share: float) -> None:
    data = exported(tenant_of(owned))
    with pytest.raises(BadArchive):
        import_from_stream(io.BytesIO(data[: int(len(data) * share)]), copy_slug)
    assert not Tenant.objects.filter(slug=copy_slug).exists()


def test_a_file_that_ends_between_two_records_makes_no_tenant(owned: Belongings, copy_slug: str) -> None:
    data = exported(tenant_of(owned))
    reader = ArchiveReader(io.BytesIO(data))
    ends = [reader.position for _ in reader]
    with pytest.raises(CutOff):
        import_from_stream(io.BytesIO(data[: ends[-2]]), copy_slug)


def test_records_cannot_change_places(owned: Belongings) -> None:
    data = exported(tenant_of(owned))
    reader = ArchiveReader(io.BytesIO(data))
    ends = [reader.position for _ in reader]
    swapped = data[: ends[0]] + data[ends[1] : ends[2]] + data[ends[0] : ends[1]] + data[ends[2] :]
    with pytest.raises(BadArchive, match="checksum"):
        records(swapped)


@pytest.mark.parametrize("junk", [b"", b"PK\x03\x04 this is a zip", b"\x00" * 100, b"\xff" * 100])
def test_other_files_are_refused(database: None, copy_slug: str, junk: bytes) -> None:
    with pytest.raises(BadArchive):
        import_from_stream(io.BytesIO(junk), copy_slug)


def test_files_of_a_newer_product_are_refused(
    owned: Belongings, copy_slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database_of(owned.company.slug)["django_migrations"].insert_one({"app": "chargepoints", "name": "9999_later"})
    try:
        with pytest.raises(ImportRefused, match=r"newer CSMS .*9999_later"):
            import_from_stream(io.BytesIO(exported(tenant_of(owned))), copy_slug)
    finally:
        database_of(owned.company.slug)["django_migrations"].delete_one({"name": "9999_later"})
    monkeypatch.setattr(exporting, "VERSION", 2)
    with pytest.raises(ImportRefused, match="version 2"):
        import_from_stream(io.BytesIO(exported(tenant_of(owned))), copy_slug)


# -- Odd files: their checksums fit, their content is no export's ----------------------------------


def rewritten(data: bytes, change: Callable[[list[Any]], Any]) -> bytes:
    changed = records(data)
    change(changed)
    stream = io.BytesIO()
    writer = ArchiveWriter(stream)
    for record in changed:
        writer.write(record)
    return stream.getvalue()


def first(found: list[Any], kind: str, collection: str = "sessions") -> Any:
    return next(r for r in found if r["kind"] == kind and collection in (r.get("name"), r.get("collection")))


def twice_in_a_piece(found: list[Any]) -> None:
    documents = first(found, "documents")["documents"]
    documents.append(documents[0])
    found[-1]["counts"]["sessions"] += 1


def a_piece_twice(found: list[Any]) -> None:
    piece = first(found, "documents")
    found.insert(found.index(piece) + 1, piece)
    found[-1]["counts"]["sessions"] += len(piece["documents"])


ODD_HEADERS: dict[str, Callable[[list[Any]], Any]] = {
    "no version": lambda found: found[0].pop("version"),
    "version as text": lambda found: found[0].update(version="1"),
    "older version": lambda found: found[0].update(version=0),
    "no tenant": lambda found: found[0].pop("tenant"),
    "tenant as number": lambda found: found[0].update(tenant=5),
    "no settings": lambda found: found[0].pop("settings"),
    "settings as list": lambda found: found[0].update(settings=[]),
    "limit as text": lambda found: found[0]["settings"].update(max_charge_points="many"),
    "limit beyond numbers": lambda found: found[0]["settings"].update(max_charge_points=float("inf")),
    "limit as record": lambda found: found[0]["settings"].update(max_charge_points={"$gt": 0}),
    "choice that is none": lambda found: found[0]["settings"].update(message_log="some"),
    "moment as number": lambda found: found[0]["settings"].update(created_at=5),
    "name null": lambda found: found[0]["settings"].update(name=None),
    "members as record": lambda found: found[0].update(members={}),
    "member as text": lambda found: found[0]["members"].append("ann"),
    "member without a name": lambda found: found[0]["members"].append({"role": "admin"}),
    "password as number": lambda found: found[0]["members"][0].update(password=5),
    "migrations as text": lambda found: found[0].update(migrations="all"),
    "migration as text": lambda found: found[0]["migrations"].append("0001"),
    "no header": lambda found: found.pop(0),
}
ODD_RECORDS: dict[str, Callable[[list[Any]], Any]] = {
    "unknown kind": lambda found: found.insert(1, {"kind": "view"}),
    "no kind": lambda found: found.insert(1, {"name": "sessions"}),
    "no collection": lambda found: first(found, "documents").pop("collection"),
    "operator as name": lambda found: first(found, "collection").update(name="$cmd"),
    "empty name": lambda found: first(found, "collection").update(name=""),
    "collection of MongoDB": lambda found: first(found, "collection").update(name="system.users"),
    "collection that no file has": lambda found: first(found, "collection").update(name="outbox"),
    "documents as record": lambda found: first(found, "documents").update(documents={}),
    "document as number": lambda found: first(found, "documents")["documents"].append(5),
    "indexes as text": lambda found: first(found, "collection").update(indexes="all"),
    "index of nothing": lambda found: first(found, "collection").update(indexes=[{"key": {}, "name": "x"}]),
    "index as number": lambda found: first(found, "collection").update(indexes=[5]),
    "a document twice": twice_in_a_piece,
    "a piece twice": a_piece_twice,
    "counts as list": lambda found: found[-1].update(counts=[]),
    "other counts": lambda found: found[-1]["counts"].update(sessions=10**6),
    "more behind the end": lambda found: found.append(found[-1]),
    "no end": lambda found: found.pop(),
}


@pytest.mark.parametrize("odd", [*ODD_HEADERS, *ODD_RECORDS])
def test_an_odd_file_is_refused_in_one_line(owned: Belongings, copy_slug: str, tmp_path: Path, odd: str) -> None:
    data = exported(tenant_of(owned))
    file = tmp_path / "odd.tenant"
    file.write_bytes(rewritten(data, (ODD_HEADERS | ODD_RECORDS)[odd]))

    with pytest.raises(CommandError) as refused:
        call_command("import_tenant", str(file), slug=copy_slug)

    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 250
    assert not Tenant.objects.filter(slug=copy_slug).exists()
    assert not Membership.objects.filter(tenant_id=copy_slug).exists()
    client = sync_client()
    if odd in ODD_HEADERS:
        assert database_name(copy_slug) not in client.list_database_names()
    client.drop_database(database_name(copy_slug))  # as the page says
    import_from_stream(io.BytesIO(data), copy_slug)


def test_a_collection_that_nobody_here_knows_comes_along(owned: Belongings, copy_slug: str) -> None:
    """It may be that of somebody's own app."""
    rows = [{"_id": 1, "text": "x"}]

    def add(found: list[Any]) -> None:
        found[-1:-1] = [
            {"kind": "collection", "name": "loyalty points", "indexes": []},
            {"kind": "documents", "collection": "loyalty points", "documents": rows},
        ]
        found[-1]["counts"]["loyalty points"] = 1

    import_from_stream(io.BytesIO(rewritten(exported(tenant_of(owned)), add)), copy_slug)

    assert list(database_of(copy_slug)["loyalty points"].find()) == rows


def test_a_file_of_an_older_product_has_new_settings_at_their_defaults(owned: Belongings, copy_slug: str) -> None:
    def older(found: list[Any]) -> None:
        for name in ("message_log_days", "database_ready", "boot_retry_interval"):
            del found[0]["settings"][name]
        found[0]["settings"]["gone_since"] = {"x": 1}

    import_from_stream(io.BytesIO(rewritten(exported(tenant_of(owned)), older)), copy_slug)

    copied = Tenant.objects.get(slug=copy_slug)
    assert (copied.message_log_days, copied.boot_retry_interval, copied.database_ready) == (14, 60, True)


@pytest.mark.parametrize("slug", ["", "../etc", "Volt", "volt_2", "x" * 60])
def test_a_wrong_slug_is_refused(owned: Belongings, slug: str, tmp_path: Path) -> None:
    file = tmp_path / "x.tenant"
    file.write_bytes(exported(tenant_of(owned)))
    with pytest.raises(CommandError, match="not a tenant slug"):
        call_command("import_tenant", str(file), slug=slug)


# -- The commands --------------------------------------------------------------------------------


def test_the_commands_over_a_pipe(owned: Belongings, copy_slug: str) -> None:
    """As an operator copies a tenant from one server to another, without a file between."""
    python = [sys.executable, "manage.py"]
    command = [*python, "export_tenant", owned.company.slug, "-"]
    written = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert written.returncode == 0, written.stderr.decode()
    command = [*python, "import_tenant", "-", "--slug", copy_slug]
    read = subprocess.run(command, cwd=ROOT, input=written.stdout, capture_output=True, check=False)
    assert read.returncode == 0, read.stderr.decode()
    assert b"it is suspended" in read.stdout
    with tenant_scope(copy_slug):
        assert {model.__name__ for model in tenant_models() if model.objects.exists()} == {
            model.__name__ for model in tenant_models() if model._meta.db_table not in LEFT_OUT
        }


def test_the_commands_say_what_is_wrong(owned: Belongings, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="there is no tenant"):
        call_command("export_tenant", "nobody", str(tmp_path / "x"))
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_tenant", str(tmp_path / "nothing"))
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_tenant", owned.company.slug, str(tmp_path / "no" / "such"))
    call_command("export_tenant", owned.company.slug, str(tmp_path / "x"), without_snapshot=True)
    assert oct((tmp_path / "x").stat().st_mode)[-3:] == "600"
