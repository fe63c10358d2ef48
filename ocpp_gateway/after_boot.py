"""What a station is asked for, unbidden, after each accepted boot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from chargepoints.commands import NewCommand
from chargepoints.station import Station
from ocpp_gateway.protocol.versions import OcppVersion

# Who asks, in `requested_by`, when nobody does.
SYSTEM = "system"

# Each returns the commands it wants sent to this station, in order.
Routine = Callable[[Station, OcppVersion], Awaitable[list[NewCommand]]]
ROUTINES: tuple[Routine, ...] = ()
