"""What a station is asked for, unbidden, after each accepted boot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from chargepoints.commands import NewCommand
from chargepoints.station import Station
from ocpp_gateway.protocol.versions import OcppVersion

# Who asks, in `requested_by`, when nobody does.
SYSTEM = "system"

# Asked again at the next boot, so what a station does not take soon need not wait for long.
LIFETIME = timedelta(minutes=10)


def system_command(station: Station, action: str, payload: dict[str, Any]) -> NewCommand:
    """Return a command that this product itself asks of a station."""
    return NewCommand(
        charge_point_id=station.id, action=action, payload=payload, requested_by=SYSTEM, lifetime=LIFETIME
    )


# Each returns the commands it wants sent to this station, in order.
Routine = Callable[[Station, OcppVersion], Awaitable[list[NewCommand]]]
ROUTINES: tuple[Routine, ...] = ()
