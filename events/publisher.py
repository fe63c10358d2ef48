"""The publisher process: every tenant's outbox to the MQTT broker, at least once, in order per station.

It is a process of its own because an MQTT client costs the frames of its process dearly
(`docs/adr/0004-publisher-process.md`). It holds nothing that is not stored: kill it at any moment, and the next one
goes on with the rows that are left.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import structlog
from pymongo.database import Database
from pymongo.errors import OperationFailure, PyMongoError

from events.broker import Broker
from events.drain import WINDOW, OutboxDrain, Sent
from events.hints import NudgeListener
from events.lease import LEASE_SECONDS, RENEW_SECONDS, Leases
from events.refusals import Refusals
from events.undelivered import set_aside

# How often every tenant is looked at without a nudge, and how often while nudges do come.
SWEEP_SECONDS, QUIET_SWEEP_SECONDS = 1.0, 5.0
# How often leases are looked for that nobody holds.
_TAKE_SECONDS = 1.0
_STORAGE_RETRY_SECONDS = 1.0
# How long a tenant's database is left alone that MongoDB refuses to work with.
_BROKEN_SECONDS = 10.0
# On a clean stop, how long the broker may take to acknowledge what is under way.
_LAST_ACKNOWLEDGEMENTS_SECONDS = 5.0

log = structlog.get_logger(__name__)

Result = TypeVar("Result")
Databases = Callable[[], dict[str, Database[dict[str, Any]]]]


class Publisher:
    """Runs until `stop` is called. `databases` returns the tenants of now with their databases.

    The databases' client should give up after a few seconds (`timeoutMS`): while it waits, nothing is sent.
    """

    def __init__(self, broker: Broker, leases: Leases, nudges: NudgeListener, databases: Databases) -> None:
        self._broker = broker
        self._leases = leases
        self._nudges = nudges
        self._find_databases = databases
        self._drains: dict[str, OutboxDrain] = {}
        self._known: set[str] = set()
        self._waiting: dict[str, None] = {}
        self._under_way: dict[int, Sent] = {}
        self._refusals = Refusals()
        self._was_connected = self._was_nudged = False
        self._next_take = self._next_sweep = self._next_renewal = 0.0
        self._next_storage = 0.0
        self._storage_failed = False
        self._broken_until: dict[OutboxDrain, float] = {}
        self._stopping = False
        # Since the start; metrics are read by another thread.
        self.published = self.refused = self.set_aside = 0

    @property
    def connected(self) -> bool:
        """Whether there is a session with the broker."""
        return self._broker.connected

    def databases(self) -> list[Database[dict[str, Any]]]:
        """Return the databases whose outboxes this publisher serves now; for any thread."""
        return [drain.database for drain in list(self._drains.values())]

    def stop(self) -> None:
        """Make `run` return soon; may be called from a signal handler."""
        self._stopping = True
        self._nudges.interrupt()

    def run(self) -> None:
        """Send events until stopped."""
        while not self._stopping:
            self._broker.connect_if_due()
            self._note_connection()
            self._note_nudges()
            sent = self._use_storage()
            self._broker.wait(0.0 if sent else 0.2, self._nudges.wake, self._leases.safe_until)
            self._take_answers()
        self._finish()

    def _use_storage(self) -> int:
        """Do what needs MongoDB, and return how many messages were handed to the broker."""
        if time.monotonic() < self._next_storage:
            return 0
        try:
            self._keep_leases()
            self._set_aside()
            for drain in self._drains.values():
                self._tend(drain, drain.delete_done)
            sent = self._fill() if self._broker.connected else 0
        except PyMongoError as error:
            self._note_storage(error)
            return 0
        self._note_storage(None)
        return sent

    def _tend(self, drain: OutboxDrain, work: Callable[[], Result]) -> Result | None:
        """Do something in one tenant's database; one that is broken is left alone for a while and harms no other."""
        if time.monotonic() < self._broken_until.get(drain, 0.0):
            return None
        try:
            return work()
        except OperationFailure as error:  # MongoDB is there, and says no
            log.error("outbox_broken", database=drain.database.name, error=str(error), retry_in=_BROKEN_SECONDS)
            self._broken_until[drain] = time.monotonic() + _BROKEN_SECONDS
            return None

    def _note_storage(self, error: PyMongoError | None) -> None:
        """Say once that MongoDB is away, and once that it is back."""
        if error is not None:
            self._next_storage = time.monotonic() + _STORAGE_RETRY_SECONDS
            if not self._storage_failed:
                log.warning("outbox_unavailable", error=str(error))
        elif self._storage_failed:
            log.info("outbox_available")
            self._next_sweep = 0.0
        self._storage_failed = error is not None

    def _note_nudges(self) -> None:
        for tenant in self._nudges.take():
            self._waiting[tenant] = None
            if tenant not in self._known:
                self._next_take = 0.0  # one that is new
        listening = self._nudges.listening
        if listening and not self._was_nudged:
            self._next_sweep = 0.0  # for what was written before
        self._was_nudged = listening

    def _note_connection(self) -> None:
        if self._was_connected and not self._broker.connected:
            self._note_cut_off()
            self._under_way.clear()
            self._refusals.connection_lost()
            for drain in self._drains.values():
                drain.forget()
        if self._broker.connected and not self._was_connected:
            self._waiting.update(dict.fromkeys(self._drains))
        self._was_connected = self._broker.connected

    def _keep_leases(self) -> None:
        now = time.monotonic()
        if now >= self._next_renewal:
            self._renew()
            self._next_renewal = now + RENEW_SECONDS
        if now >= self._next_take:
            self._look_for_tenants()
            self._next_take = now + _TAKE_SECONDS
        if now >= self._next_sweep:
            self._waiting.update(dict.fromkeys(self._drains))
            self._next_sweep = now + (QUIET_SWEEP_SECONDS if self._was_nudged else SWEEP_SECONDS)

    def _renew(self) -> None:
        kept = self._leases.renew(set(self._drains))
        for tenant in set(self._drains) - kept:
            log.warning("lease_lost", tenant=tenant)
            del self._drains[tenant]
        self._refusals.forget_all_but(self._drains.values())

    def _look_for_tenants(self) -> None:
        databases = self._find_databases()
        self._known = set(databases)
        for tenant in set(self._drains) - set(databases):
            del self._drains[tenant]
        self._refusals.forget_all_but(self._drains.values())
        others = set(databases) - set(self._drains)
        for tenant in self._leases.take_free(others) if others else ():
            self._drains[tenant] = OutboxDrain(databases[tenant])
            self._waiting[tenant] = None

    def _fill(self) -> int:
        """Give each waiting tenant its turn while the window has room."""
        for again in self._refusals.take_due(time.monotonic()):
            again.drain.send(again, self._broker, self._under_way)
        sent = 0
        for tenant in list(self._waiting):
            if self._broker.unacknowledged >= WINDOW:
                break
            drain = self._drains.get(tenant)
            del self._waiting[tenant]
            if drain is not None:
                sent += self._tend(drain, partial(drain.fill, self._broker, self._under_way)) or 0
                if not drain.drained:
                    self._waiting[tenant] = None  # again, behind the others
        return sent

    def _take_answers(self) -> None:
        for ticket in self._broker.acknowledged:
            sent = self._under_way.pop(ticket)
            sent.drain.taken(sent)
            self._refusals.taken(sent)
        self.published += len(self._broker.acknowledged)
        self._broker.acknowledged.clear()
        for ticket, reason in self._broker.refused:
            self._refusals.refused(self._under_way.pop(ticket), reason)
        self.refused += len(self._broker.refused)
        self._broker.refused.clear()

    def _note_cut_off(self) -> None:
        for ticket, reason in self._broker.cut_off_at:
            self._refusals.cut_off(self._under_way[ticket], reason)
        self._broker.cut_off_at.clear()

    def _set_aside(self) -> None:
        """Store what was given up in its tenant's database, out of the way of the rest."""
        while given_up := self._refusals.given_up():
            refused = [self._refusals.refusal(sent) for sent in given_up]
            drain, first = given_up[0].drain, refused[0]
            if self._tend(drain, partial(set_aside, drain.database, refused)) is None:
                self._refusals.put_off(given_up)
                continue
            self._refusals.settled(given_up)
            for sent in given_up:
                drain.set_aside(sent)
            self._broker.trust()
            self.set_aside += len(refused)
            log.error(
                "events_set_aside",
                database=drain.database.name,
                count=len(refused),
                topic=first.event["topic"],
                reason=first.reason,
                tries=first.tries,
                action="see undelivered-events in the REST API and the admin, where they can be sent again",
            )

    def _finish(self) -> None:
        """Wait a little for what is under way, and give the leases back."""
        deadline = time.monotonic() + _LAST_ACKNOWLEDGEMENTS_SECONDS
        while self._broker.connected and self._under_way and time.monotonic() < deadline:
            self._nudges.take()
            self._broker.wait(0.1, self._nudges.wake, self._leases.safe_until)
            self._take_answers()
        self._broker.disconnect()
        try:
            self._set_aside()
            for drain in self._drains.values():
                self._tend(drain, drain.delete_done)
            self._leases.release()
        except PyMongoError as error:
            log.warning("leases_not_released", error=str(error), free_in=LEASE_SECONDS)
