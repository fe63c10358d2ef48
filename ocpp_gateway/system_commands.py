"""Commands that this product itself asks of a station, unbidden."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from chargepoints.commands import NewCommand
from chargepoints.station import Station

# Who asks, in `requested_by`, when nobody does.
SYSTEM = "system"
# Asked again at the next boot, so what a station does not take soon need not wait for long.
LIFETIME = timedelta(minutes=10)


def system_command(station: Station, action: str, payload: dict[str, Any]) -> NewCommand:
    """Return a command that nobody has asked for."""
    return NewCommand(
        charge_point_id=station.id, action=action, payload=payload, requested_by=SYSTEM, lifetime=LIFETIME
    )
