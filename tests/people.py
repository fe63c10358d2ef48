"""The people of the tests: operators of charging networks, each with a tenant, stations and id tags of their own."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from bson.codec_options import CodecOptions
from django.conf import settings
from pymongo.database import Database

from chargepoints.commands import NewCommand
from chargepoints.credentials import new_key
from chargepoints.provisioning import create_charge_point
from tenants.clients import Document, sync_client
from tenants.context import tenant_scope
from tenants.directory import TenantRecord, forget_tenants
from tenants.provisioning import create_tenant
from tests.leaks import keep_secret

DEADLINE = 15.0

Result = TypeVar("Result")

# The ORM refuses to work where an event loop runs, and tests call it from there.
_orm = ThreadPoolExecutor(max_workers=1, thread_name_prefix="orm")


def with_orm(work: Callable[[], Result]) -> Result:
    """Run `work` in a thread without an event loop and return what it returns."""
    return _orm.submit(work).result()


@dataclass(frozen=True, slots=True)
class Installed:
    """A charge point as its owner knows it."""

    identity: str
    key: str
    tenant: str

    def __post_init__(self) -> None:
        keep_secret(self.key, self.identity)

    @property
    def path(self) -> str:
        return f"/ocpp/{self.tenant}/{self.identity}"

    @property
    def short_path(self) -> str:
        return f"/ocpp/{self.identity}"

    def to_clear_its_cache(self, *, seconds: float = 3600.0) -> NewCommand:
        """Return a command for it that is kept for so long."""
        return NewCommand(
            charge_point_id=self.identity,
            action="ClearCache",
            payload={},
            requested_by="test",
            lifetime=timedelta(seconds=seconds),
        )


@dataclass
class Operator:
    """Somebody who runs a charging network: one tenant."""

    slug: str
    name: str
    _row: Document = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    @classmethod
    def founding(cls, name: str, **fields: Any) -> Operator:
        """Return an operator with a new tenant: its slug is the name and something nobody else has."""
        slug = f"{name}-{secrets.token_hex(3)}"
        with_orm(lambda: create_tenant(slug, name.title(), **fields))
        return cls(slug, name, _tenants().find_one({"_id": slug}) or {})

    @property
    def db(self) -> Database[Document]:
        """The tenant's own database, read directly."""
        return sync_client().get_database(
            f"{settings.MONGODB_TENANT_PREFIX}{self.slug}", codec_options=CodecOptions(tz_aware=True)
        )

    def record(self, **changes: Any) -> TenantRecord:
        """Return the tenant as the gateway sees it."""
        facts = self._row | changes
        return TenantRecord(
            slug=self.slug,
            database_name=self.db.name,
            active=facts["status"] == "active",
            **{name: facts[name] for name in TenantRecord.__slots__ if name in facts},
        )

    def still_here(self) -> None:
        """Put the tenant's row back in place: Django's own tests empty the global database behind them."""
        _tenants().replace_one({"_id": self.slug}, self._row, upsert=True)

    def configure(self, **fields: Any) -> None:
        """Change the tenant's configuration; a running gateway learns of it within seconds."""
        _tenants().update_one({"_id": self.slug}, {"$set": fields})
        forget_tenants()

    # -- What is installed -------------------------------------------------------------------------

    def installs(self, identity: str | None = None, *, booted: bool = True, **fields: Any) -> Installed:
        """Return a new charge point, which has been in service before unless `booted` is false."""
        identity = identity or f"{self.slug}_CP{next(self._numbers):03d}"
        if booted:
            fields["booted_at"] = datetime(2025, 5, 1, tzinfo=UTC)

        def create() -> str:
            with tenant_scope(self.slug):
                return create_charge_point(identity, key=new_key(), **fields)[1]

        return Installed(identity, with_orm(create), self.slug)

    def issues(self, tag: str | None = None, **fields: Any) -> str:
        """Return a new id tag, accepted unless `fields` say otherwise."""
        tag = tag or f"Tag{secrets.token_hex(4)}"
        token = {
            "_id": tag.lower(),
            "id_tag": tag,
            "type": "rfid",
            "status": "accepted",
            "expires_at": None,
            "parent_id_tag": "",
            "max_active": 1,
            "note": "",
            "created_at": datetime.now(UTC),
        }
        self.db["id_tokens"].replace_one({"_id": token["_id"]}, token | fields, upsert=True)
        return tag

    # -- What is stored ----------------------------------------------------------------------------

    def charge_point(self, identity: str) -> Document:
        """Return a charge point's document."""
        found = self.db["charge_points"].find_one({"_id": identity})
        assert found is not None, f"{identity} is not stored"
        return found

    async def until(self, identity: str, condition: Callable[[Document], Any]) -> Document:
        """Return a charge point's document as soon as it fulfils the condition; fails when it never does."""
        return await asyncio.to_thread(self._until, identity, condition)

    def _until(self, identity: str, condition: Callable[[Document], Any]) -> Document:
        only = [{"$match": {"documentKey._id": identity}}]
        end = time.monotonic() + DEADLINE
        with self.db["charge_points"].watch(only, max_await_time_ms=500) as changes:
            while not condition(document := self.charge_point(identity)):
                assert time.monotonic() < end, f"{identity} stays {document}"
                changes.try_next()
        return document

    def connectors(self, identity: str) -> list[Document]:
        """Return a charge point's connectors by EVSE."""
        return list(self.db["connectors"].find({"charge_point_id": identity}).sort("evse_id"))

    def sessions(self, identity: str) -> list[Document]:
        """Return a charge point's sessions, the first received first."""
        return list(self.db["sessions"].find({"charge_point_id": identity}).sort("received_at"))

    def only_session(self, identity: str) -> Document:
        """Return the one session that a charge point has had."""
        sessions = self.sessions(identity)
        assert len(sessions) == 1, f"{identity} has {len(sessions)} sessions"
        return sessions[0]

    def meter_values(self, identity: str) -> list[Document]:
        """Return a charge point's readings by time."""
        return list(self.db["meter_values"].find({"charge_point_id": identity}).sort("timestamp"))


def _tenants() -> Any:
    return sync_client()[settings.MONGODB_GLOBAL_DATABASE]["tenants"]
