"""Who is asking, from where, and what the request has changed so far: collected while it is served."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from tenants.audit.models import ActorKind, Via


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who does something."""

    kind: ActorKind
    id: str = ""
    name: str = ""
    role: str = ""


SYSTEM = Actor(ActorKind.SYSTEM, name="system")
NOBODY = Actor(ActorKind.NOBODY)


@dataclass(slots=True)
class Trail:
    """One request: its actor once that is known, and the changes noted on the way."""

    via: Via
    address: str = ""
    actor: Actor = NOBODY
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    # Entries to be written when the request has succeeded, each with its tenant.
    later: list[tuple[dict[str, Any], str | None]] = field(default_factory=list)
    # What was stored with the change itself: action, type and id of the target.
    told: set[tuple[str, str, str]] = field(default_factory=set)
    # False after the request: what it has set going in the background is not its doing any more.
    open: bool = True

    def note(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """Remember what fields were and what they are now, for the entry that follows."""
        for name, value in after.items():
            self.changes[name] = {"before": before.get(name), "after": value}

    def take_changes(self) -> dict[str, dict[str, Any]]:
        """Return what was noted since the last call."""
        noted, self.changes = self.changes, {}
        return noted

    def take_later(self) -> list[tuple[dict[str, Any], str | None]]:
        """Return the entries that wait, once."""
        waiting, self.later = self.later, []
        return waiting


_current: ContextVar[Trail | None] = ContextVar("audit_trail", default=None)


def current_trail() -> Trail | None:
    """Return the trail of the request that is being served; None for what the product does by itself."""
    trail = _current.get()
    return trail if trail is not None and trail.open else None


def current_actor() -> Actor:
    """Return who is asking; the product itself outside of requests."""
    trail = current_trail()
    return SYSTEM if trail is None else trail.actor


def act_as(actor: Actor) -> None:
    """Say who the request under way comes from, once that is known."""
    trail = current_trail()
    if trail is not None:
        trail.actor = actor


def note_change(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Note what a change under way replaces; nothing outside of requests."""
    trail = current_trail()
    if trail is not None:
        trail.note(before, after)


@contextmanager
def notes_about(what: str) -> Iterator[None]:
    """Name what is noted inside after something that is changed together with something else."""
    trail = current_trail()
    outer = {} if trail is None else trail.take_changes()
    yield
    if trail is not None:
        trail.changes = outer | {f"{what}: {name}": sides for name, sides in trail.take_changes().items()}


@contextmanager
def audit_trail(trail: Trail) -> Iterator[Trail]:
    """Serve a request on this trail."""
    token = _current.set(trail)
    try:
        yield trail
    finally:
        trail.open = False
        _current.reset(token)
