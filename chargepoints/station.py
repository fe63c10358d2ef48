"""A connected station as the domain sees it: who it is, what it owns, and the order of its facts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from events.facts import Fact, FactKind, announce
from events.outbox import status_event
from tenants.directory import TenantRecord
from tenants.unit_of_work import UnitOfWork

# A sequence number is epoch * 2**24 + count: it rises over reconnects without a write per event, and stays
# below 2**53, so that every JSON reader gets it exactly.
_COUNT_BITS = 24
# The last numbers are kept for telling that the connection has ended.
_FAREWELLS = 16
LAST_COUNT = (1 << _COUNT_BITS) - 1 - _FAREWELLS


def sequence_after(epoch: int) -> int:
    """Return a number above every sequence number that a station has used up to this epoch."""
    return (epoch + 1) << _COUNT_BITS


class StaleConnection(Exception):
    """Another connection owns the station now: this one must write nothing more and close."""


class SequenceUsedUp(RuntimeError):
    """A connection has announced 16 million facts; it must be closed, and the next one begins a new epoch."""


@dataclass(slots=True, eq=False)
class Station:
    """One station behind one socket, with what the path of a frame would otherwise have to read.

    Attributes:
        epoch: the number of this connection; whatever holds a lower one is stale.
        registration: accepted, pending or rejected, as stored.
        booted: whether the station has ever been accepted at boot. It belongs to the station, not to the socket:
            stations do not boot again after a plain reconnect.
        connectors: the last known state of each connector, by (EVSE, connector).
        facts: vendor, model, firmware and the like, for the retained status.
        boot_triggered: whether the latest boot on this connection was asked for, which is no sign of a restart.
        told_pending: whether this connection has been told to wait for its registration.
        certificate_name: the common name of the certificate it has logged in with; empty below security profile 3.
        setup_due: whether it has booted and not yet answered to all that follows from that, over any connection.
        taken_from: set for a station that somebody acts for who holds no socket of it (`chargepoints.offline`): what
            must still be true of its document when the first unit of work takes it over.
    """

    tenant: TenantRecord
    id: str
    epoch: int
    ocpp_version: str
    registration: str
    booted: bool
    status: str = "unknown"
    connected: bool = True
    connectors: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    told_pending: bool = False
    boot_triggered: bool = False
    setup_due: bool = False
    taken_from: dict[str, Any] | None = None
    certificate_name: str = ""
    _count: int = 0

    @property
    def may_work(self) -> bool:
        """Whether messages other than BootNotification are served (OCPP 1.6 §4.2)."""
        return self.booted and self.registration == "accepted"

    @property
    def may_be_asked(self) -> bool:
        """Whether commands may be sent: never after Rejected; while Pending, those that set the station up."""
        return self.may_work or (self.registration == "pending" and (self.told_pending or self.booted))

    def next_sequence(self) -> int:
        """Return the next sequence number of this station.

        Raises:
            SequenceUsedUp: after 16 million facts on one connection.
        """
        if self._count >= (LAST_COUNT if self.connected else LAST_COUNT + _FAREWELLS):
            raise SequenceUsedUp(self.id)
        self._count += 1
        return (self.epoch << _COUNT_BITS) + self._count

    def unit_of_work(self) -> UnitOfWork:
        """Return a new unit of work in this station's tenant."""
        return UnitOfWork(self.tenant)

    def fence(self, unit: UnitOfWork, now: datetime) -> None:
        """Have the commit of a unit fail with `NothingMatched` if a newer connection owns the station.

        For what a stale connection must not overwrite. Sessions and meter values need no fence: they are facts
        whoever brings them, and their ids make a second copy harmless.
        """
        # A real change, not a repeated value: only that conflicts with a claim at the same moment.
        query: dict[str, Any] = {"_id": self.id, "epoch": self.epoch}
        change: dict[str, Any] = {"last_seen": now}
        if self.taken_from is not None:
            query, change = self.taken_from, {"epoch": self.epoch, "connected": None}
        unit.update("charge_points", query, {"$set": change}, must_match=True)

    def announce(
        self,
        unit: UnitOfWork,
        kind: FactKind,
        at: datetime,
        data: dict[str, Any],
        session_id: str | None = None,
    ) -> None:
        """Add a fact about this station to a unit of work."""
        tenant = self.tenant
        announce(
            unit,
            Fact(
                kind,
                tenant.slug,
                tenant.mqtt_topic_prefix,
                self.id,
                self.next_sequence(),
                at,
                data,
                session_id,
            ),
        )

    def announce_status(self, unit: UnitOfWork, at: datetime) -> None:
        """Add the station's whole state to a unit of work, as the retained status message."""
        state = {
            "connected": self.connected,
            "registration": self.registration,
            "status": self.status,
            "connectors": list(self.connectors.values()),
            **self.facts,
        }
        unit.add_event(
            status_event(
                tenant=self.tenant.slug,
                topic_prefix=self.tenant.mqtt_topic_prefix,
                station=self.id,
                sequence=self.next_sequence(),
                timestamp=at,
                state=state,
            )
        )
