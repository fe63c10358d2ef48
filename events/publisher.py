"""The publisher process: every tenant's outbox to the MQTT broker, at least once, in order per station.

It is a process of its own because an MQTT client costs the frames of its process dearly
(`docs/adr/0004-publisher-process.md`). It holds nothing that is not stored: kill it at any moment, and the next one
goes on with the rows that are left.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import structlog
from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import PyMongoError

from events.broker import Broker
from events.drain import WINDOW, OutboxDrain
from events.hints import NudgeListener
from events.lease import RENEW_SECONDS, Leases

# How often every tenant is looked at without a nudge, and the pause after MongoDB failed.
SWEEP_SECONDS = 1.0
_STORAGE_RETRY_SECONDS = 1.0
# On a clean stop, how long the broker may take to acknowledge what is under way.
_LAST_ACKNOWLEDGEMENTS_SECONDS = 5.0

log = structlog.get_logger(__name__)

Databases = Callable[[], dict[str, Database[dict[str, Any]]]]


class Publisher:
    """Runs until `stop` is called. `databases` returns the tenants of now with their databases."""

    def __init__(self, broker: Broker, leases: Leases, nudges: NudgeListener, databases: Databases) -> None:
        self._broker = broker
        self._leases = leases
        self._nudges = nudges
        self._databases = databases
        self._drains: dict[str, OutboxDrain] = {}
        self._waiting: dict[str, None] = {}
        self._owners: dict[int, tuple[OutboxDrain, ObjectId]] = {}
        self._was_connected = False
        self._next_sweep = self._next_renewal = 0.0
        self._stopping = False

    def stop(self) -> None:
        """Make `run` return soon; may be called from a signal handler."""
        self._stopping = True
        self._nudges.interrupt()

    def run(self) -> None:
        """Send events until stopped."""
        while not self._stopping:
            try:
                self._turn()
            except PyMongoError as error:
                log.warning("outbox_unavailable", error=str(error))
                self._broker.wait(_STORAGE_RETRY_SECONDS, self._nudges.wake)
        self._finish()

    def _turn(self) -> None:
        self._broker.connect_if_due()
        self._note_connection()
        self._keep_leases()
        for tenant in self._nudges.take():
            if tenant in self._drains:
                self._waiting[tenant] = None
        sent = self._fill() if self._broker.connected else 0
        self._broker.wait(0.0 if sent else 0.2, self._nudges.wake)
        self._take_acknowledgements()

    def _note_connection(self) -> None:
        if self._was_connected and not self._broker.connected:
            self._owners.clear()
            for drain in self._drains.values():
                drain.forget()
        if self._broker.connected and not self._was_connected:
            self._waiting.update(dict.fromkeys(self._drains))
        self._was_connected = self._broker.connected

    def _keep_leases(self) -> None:
        now = time.monotonic()
        if now >= self._next_renewal:
            self._next_renewal = now + RENEW_SECONDS
            kept = self._leases.renew(set(self._drains))
            for tenant in set(self._drains) - kept:
                log.warning("lease_lost", tenant=tenant)
                del self._drains[tenant]
        if now >= self._next_sweep:
            self._next_sweep = now + SWEEP_SECONDS
            self._look_around()

    def _look_around(self) -> None:
        databases = self._databases()
        for tenant, database in databases.items():
            if tenant not in self._drains and self._leases.take(tenant):
                self._drains[tenant] = OutboxDrain(database)
        for tenant in set(self._drains) - set(databases):
            del self._drains[tenant]
        self._waiting.update(dict.fromkeys(self._drains))

    def _fill(self) -> int:
        """Give each waiting tenant its turn while the window has room."""
        sent = 0
        for tenant in list(self._waiting):
            if self._broker.unacknowledged >= WINDOW:
                break
            drain = self._drains.get(tenant)
            del self._waiting[tenant]
            if drain is not None:
                sent += drain.fill(self._broker, self._owners)
                if not drain.drained:
                    self._waiting[tenant] = None  # again, behind the others
        return sent

    def _take_acknowledgements(self) -> None:
        acknowledged = self._broker.acknowledged
        if not acknowledged:
            return
        touched: dict[int, OutboxDrain] = {}
        for mid in acknowledged:
            drain, row_id = self._owners.pop(mid)
            drain.acknowledged(row_id)
            touched[id(drain)] = drain
        acknowledged.clear()
        for drain in touched.values():
            drain.delete_done()

    def _finish(self) -> None:
        deadline = time.monotonic() + _LAST_ACKNOWLEDGEMENTS_SECONDS
        while self._broker.connected and self._owners and time.monotonic() < deadline:
            self._broker.wait(0.1, self._nudges.wake)
            self._nudges.take()
            self._take_acknowledgements()
        self._leases.release()
        self._broker.disconnect()
