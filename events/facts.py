"""The facts this product announces: what happened, at which station, when, and in which order.

Each kind of fact has a Django signal. The outbox (`events.outbox`) is one receiver of them; a user's own app can be
another. Signals are sent while the unit of work is still open: what a receiver adds to it is stored together with
the fact, or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Protocol

import structlog
from django.dispatch import Signal

log = structlog.get_logger(__name__)


class OpenUnit(Protocol):
    """The unit of work a fact belongs to, as far as receivers need it."""

    def add_event(self, event: dict[str, Any]) -> None: ...


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class FactKind:
    """One kind of fact: its name, the last part of its topic, and its signal."""

    event_type: str
    topic: str
    # Caching its receivers by sender needs a weak reference to the sender, which is the kind.
    signal: Signal = field(default_factory=partial(Signal, use_caching=True))


session_authorized = FactKind("session.authorized", "session")
session_started = FactKind("session.started", "session")
session_updated = FactKind("session.updated", "session")
session_stopped = FactKind("session.stopped", "session")
session_faulted = FactKind("session.faulted", "session")
meter_values_received = FactKind("session.meter_values", "session")
charge_point_booted = FactKind("charge_point.booted", "connection")
charge_point_connected = FactKind("charge_point.connected", "connection")
charge_point_disconnected = FactKind("charge_point.disconnected", "connection")
connector_status_changed = FactKind("connector.status_changed", "connection")
firmware_status_changed = FactKind("firmware.status_changed", "firmware")
log_status_changed = FactKind("log.status_changed", "log")
security_event_reported = FactKind("security.event_reported", "security")
certificate_requested = FactKind("certificate.requested", "security")
tenant_suspended = FactKind("tenant.suspended", "tenant")
tenant_resumed = FactKind("tenant.resumed", "tenant")
# A message has come that a command has asked for.
command_triggered = FactKind("command.triggered", "command")


def _command(state: str, signal: Signal) -> FactKind:
    return FactKind(f"command.{state}", "command", signal)


# Every change of a command; `command_completed` is sent for those after which nothing follows.
command_progressed = Signal(use_caching=True)
command_completed = Signal(use_caching=True)
COMMAND_KINDS = {
    state: _command(state, command_progressed if state in ("queued", "sent") else command_completed)
    for state in ("queued", "sent", "accepted", "rejected", "failed", "timed_out", "expired", "cancelled")
}

reservation_changed = Signal(use_caching=True)
RESERVATION_KINDS = {
    state: FactKind(f"reservation.{state}", "reservation", reservation_changed)
    for state in ("active", "refused", "failed", "used", "expired", "cancelled")
}

FACT_KINDS = (
    session_authorized,
    session_started,
    session_updated,
    session_stopped,
    session_faulted,
    meter_values_received,
    charge_point_booted,
    charge_point_connected,
    charge_point_disconnected,
    connector_status_changed,
    firmware_status_changed,
    log_status_changed,
    security_event_reported,
    certificate_requested,
    tenant_suspended,
    tenant_resumed,
    command_triggered,
    *COMMAND_KINDS.values(),
    *RESERVATION_KINDS.values(),
)


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened at a station, or to a tenant as a whole.

    Attributes:
        station: its identity; empty for what concerns the tenant as a whole.
        sequence: rises with every fact of the station, also over connections and instances.
        timestamp: when it happened, by the clock of whoever saw it; for meter values the station's own.
        session_id: the charging session it belongs to, if any.
        data: the details, made of JSON types and datetimes.
    """

    kind: FactKind
    tenant: str
    topic_prefix: str
    station: str
    sequence: int
    timestamp: datetime
    data: dict[str, Any]
    session_id: str | None = None


def announce(unit: OpenUnit, fact: Fact) -> None:
    """Tell every receiver of the fact's signal, within the open unit of work.

    A receiver of a user's app that raises is logged and does no harm; the outbox's own failure is raised, because
    state without its event would break the promise of `docs/delivery.md`.
    """
    for receiver, outcome in fact.kind.signal.send_robust(sender=fact.kind, fact=fact, unit=unit):
        if isinstance(outcome, Exception):
            if getattr(receiver, "must_succeed", False):
                raise outcome
            log.error("receiver_failed", receiver=repr(receiver), event_type=fact.kind.event_type, exc_info=outcome)
