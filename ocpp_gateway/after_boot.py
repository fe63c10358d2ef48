"""What a station is asked for, unbidden, after each accepted boot, until it has answered to all of it.

That it is due is stored with the boot (`Station.setup_due`). A station that comes back without a boot, because its
connection or its instance was lost on the way, is asked again: it would otherwise work on without the settings and
limits that it shall have.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from chargepoints.commands import NewCommand
from chargepoints.station import Station
from ocpp_gateway.configuration import read_after_boot
from ocpp_gateway.local_lists import check_after_boot
from ocpp_gateway.protocol.versions import OcppVersion
from ocpp_gateway.system_commands import SYSTEM

__all__ = ["ROUTINES", "SYSTEM", "Routine"]

# Each returns the commands it wants sent to this station, in order.
Routine = Callable[[Station, OcppVersion], Awaitable[list[NewCommand]]]
ROUTINES: tuple[Routine, ...] = (read_after_boot, check_after_boot)
