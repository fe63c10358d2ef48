"""Tenants with an outbox each, as the publisher finds them, filled with rows as the product writes them."""

from __future__ import annotations

import itertools
import secrets
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database

from events.facts import Fact, meter_values_received
from events.lease import LEASES
from events.outbox import OLDEST_FIRST, event_of, outbox_row, status_event
from tests.acceptance.mqtt_capture import Heard
from tests.acceptance.outbox import wait_until_published
from tests.acceptance.reconcile import out_of_order

Document = dict[str, Any]


class Outboxes:
    """Tenants of one test alone, on any MongoDB; remembers every event it has written."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        name = f"events{secrets.token_hex(4)}"
        self.global_database = f"{name}_global"
        self.tenant_prefix = f"{name}_"
        self.prefix = name  # of the topics
        self.client: MongoClient[Document] = MongoClient(uri, w="majority", timeoutMS=3000)
        self.written: list[Document] = []
        self._kept: dict[str, list[Document]] = {}
        self._sequences: Counter[tuple[str, str]] = Counter()

    @property
    def settings(self) -> dict[str, str]:
        """The product's settings that make it serve these tenants and no others."""
        return {
            "MONGODB_URI": self.uri,
            "MONGODB_GLOBAL_DATABASE": self.global_database,
            "MONGODB_TENANT_PREFIX": self.tenant_prefix,
            "REDIS_STATE_PREFIX": self.prefix,
        }

    @property
    def channel(self) -> str:
        """Where writers nudge the publisher."""
        return f"{self.prefix}:outbox"

    @property
    def leases(self) -> Any:
        """The collection that says which publisher serves which tenant."""
        return self.client[self.global_database][LEASES]

    def add_tenant(self, slug: str) -> None:
        """Create a tenant, as far as the publisher looks at it."""
        self.client[self.global_database]["tenants"].insert_one({"_id": slug})
        self.database(slug)["outbox"].create_index(OLDEST_FIRST)

    def database(self, slug: str) -> Database[Document]:
        """Return a tenant's database."""
        return self.client[self.tenant_prefix + slug]

    def databases(self) -> dict[str, Database[Document]]:
        """Return every tenant's database: what a publisher asks for."""
        tenants = self.client[self.global_database]["tenants"].find()
        return {tenant["_id"]: self.database(tenant["_id"]) for tenant in tenants}

    def event(self, tenant: str, station: str, data: Document | None = None) -> Document:
        """Return a station's next event, ready for the outbox."""
        fact = Fact(
            meter_values_received, tenant, self.prefix, station, self._next(tenant, station), _now(), data or {}
        )
        return self._remembered(event_of(fact))

    def status(self, tenant: str, station: str, status: str) -> Document:
        """Return a station's next retained status, ready for the outbox."""
        event = status_event(
            tenant=tenant,
            topic_prefix=self.prefix,
            station=station,
            sequence=self._next(tenant, station),
            timestamp=_now(),
            state={"status": status},
        )
        return self._remembered(event)

    def write(self, tenant: str, *events: Document) -> None:
        """Store events as one row."""
        self.database(tenant)["outbox"].insert_one(row(events))

    def write_later(self, tenant: str, *events: Document) -> None:
        """Keep events as one row until `flush`."""
        self._kept.setdefault(tenant, []).append(row(events))

    def flush(self, tenant: str) -> None:
        """Store what was kept."""
        self.database(tenant)["outbox"].insert_many(self._kept.pop(tenant))

    def backlog(self, tenant: str, rows: int, events_per_row: int = 1, stations: int = 10) -> None:
        """Store many rows, the stations taking turns."""
        names = itertools.cycle(f"{tenant}_CP{number:03d}" for number in range(stations))
        events = (self.event(tenant, next(names)) for _ in range(rows * events_per_row))
        batches = (row(list(itertools.islice(events, events_per_row))) for _ in range(rows))
        for chunk in iter(lambda: list(itertools.islice(batches, 1000)), []):
            self.database(tenant)["outbox"].insert_many(chunk)

    def wait_until_published(self, tenant: str, deadline: float = 60.0) -> None:
        """Return once the tenant's outbox is empty."""
        wait_until_published(self.database(tenant), deadline)

    def differences(self, first_arrivals: Iterable[Heard]) -> list[str]:
        """Return what is missing, out of order or changed, given each message that arrived once."""
        heard = [one for one in first_arrivals if one.topic.startswith(f"{self.prefix}/")]
        arrived = {one.event_id for one in heard}
        found = [f"missing: {event['event_id']}" for event in self.written if event["event_id"] not in arrived]
        for tenant, station in self._sequences:
            mine = [
                one for one in heard if (one.payload["tenant_id"], one.payload["charge_point_id"]) == (tenant, station)
            ]
            found += out_of_order(f"{tenant} {station}", mine)
        return found

    def drop(self) -> None:
        """Delete the databases."""
        for name in self.client.list_database_names():
            if name.startswith(self.tenant_prefix):
                self.client.drop_database(name)
        self.client.close()

    def _next(self, tenant: str, station: str) -> int:
        self._sequences[tenant, station] += 1
        return self._sequences[tenant, station]

    def _remembered(self, event: Document) -> Document:
        self.written.append(event)
        return event


def row(events: Iterable[Document]) -> Document:
    """Return events as the outbox row of one committed batch."""
    return outbox_row(list(events))


def _now() -> datetime:
    return datetime.now(UTC)
