"""`manage.py publish_events`: the process that sends stored events to the MQTT broker."""

from __future__ import annotations

import secrets
import signal
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from pymongo import MongoClient
from pymongo.database import Database

from csms.publisher_metrics import serve_metrics
from csms.redis import sync_redis
from events.broker import Broker
from events.broker_address import BrokerAddress, BrokerUrlError
from events.hints import NudgeListener
from events.lease import LEASES, Leases
from events.publisher import Publisher
from tenants.clients import Document, tenant_uri
from tenants.routing import database_name

# No slug, so that it is never a tenant's.
PLATFORM = "*platform*"
# By database: of tenants that log in to MongoDB as themselves.
OwnClients = dict[str, MongoClient[Document]]
# While MongoDB is waited for, the broker hears nothing, a lease runs on, and nobody reacts to SIGTERM.
STORAGE_SECONDS = 3

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = "Send stored events to the MQTT broker until stopped. Several may run: each tenant is served by one."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            address = BrokerAddress.parse(
                settings.MQTT_BROKER_URL, settings.MQTT_USERNAME, settings.MQTT_PASSWORD or ""
            )
        except BrokerUrlError as error:
            raise CommandError(str(error)) from None
        # Unique per process: a broker throws out the first client when a second one brings the same id.
        name = f"csms-{settings.CSMS_INSTANCE_ID}-{secrets.token_hex(4)}"
        client = _client(settings.MONGODB_URI)
        own: OwnClients = {}
        leases = Leases(client[settings.MONGODB_GLOBAL_DATABASE][LEASES], name)
        nudges = NudgeListener(sync_redis(), settings.OUTBOX_CHANNEL)
        publisher = Publisher(Broker(address, name), leases, nudges, lambda: _databases(client, own))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: publisher.stop())
        if settings.PUBLISHER_METRICS_PORT:
            _serve_metrics(publisher)
        nudges.start()
        log.info("publisher_started", broker=f"{address.host}:{address.port}", client_id=name)
        publisher.run()
        nudges.stop()
        for each in (client, *own.values()):
            each.close()
        log.info("publisher_stopped")


def _serve_metrics(publisher: Publisher) -> None:
    try:
        serve_metrics(publisher, settings.HTTP_HOST, settings.PUBLISHER_METRICS_PORT)
    except OSError as error:
        raise CommandError(f"PUBLISHER_METRICS_PORT={settings.PUBLISHER_METRICS_PORT}: {error}") from None


def _client(uri: str) -> MongoClient[Document]:
    milliseconds = STORAGE_SECONDS * 1000
    return MongoClient(
        uri,
        appname="csms-publisher",
        w="majority",
        timeoutMS=milliseconds,
        serverSelectionTimeoutMS=milliseconds,  # also for what `close` still has to say
    )


def _databases(client: MongoClient[Document], own: OwnClients) -> dict[str, Database[Document]]:
    platform = client[settings.MONGODB_GLOBAL_DATABASE]
    tenants = platform["tenants"].find({}, projection=["_id"])
    databases = {tenant["_id"]: _database(client, own, database_name(tenant["_id"])) for tenant in tenants}
    for gone in set(own) - {database.name for database in databases.values()}:
        own.pop(gone).close()
    # The last events of tenants that are deleted, whose own outbox is gone (`tenants.deletion`).
    return {**databases, PLATFORM: platform}


def _database(client: MongoClient[Document], own: OwnClients, name: str) -> Database[Document]:
    uri = tenant_uri(name)
    if uri is None:
        return client[name]
    if name not in own:
        own[name] = _client(uri)
    return own[name][name]
