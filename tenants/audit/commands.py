"""The entry about a command to a station, for the transaction that stores the command."""

from __future__ import annotations

from tenants.audit.record import created, entry
from tenants.audit.trail import SYSTEM, current_actor
from tenants.clients import Document

_SHOWN = ("charge_point_id", "action", "payload", "idempotency_key")


def command_entry(command: Document) -> Document:
    """Return the entry about a new command: by whoever is asking now, or by the product itself."""
    actor = current_actor()
    if command["requested_by"] != actor.name:
        actor = SYSTEM  # asked for by the product, on the way of somebody's request
    shown = {name: command[name] for name in _SHOWN if command[name]}
    return entry("command", "commands", command["_id"], created(shown), actor=actor)
