"""One connector of a simulated station: its status, its meter, and who is charging there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ocpp_gateway.simulator.meter import Meter

if TYPE_CHECKING:
    from ocpp_gateway.simulator.charging import Visit

# Sends a StatusNotification, and tells whether it was answered.
Report = Callable[["Connector"], Awaitable[bool]]


class Connector:
    """A connector's state in OCPP 1.6 terms (§4.9); number 0 stands for the station as a whole."""

    def __init__(self, number: int, meter: Meter, report: Report) -> None:
        self.number = number
        self.meter = meter
        self.status = "Available"
        self.operative = True
        self.visit: Visit | None = None
        self.reserved_for = ""  # the tag a reservation is for
        self._report = report
        self._reported = ""
        self._reporting = False

    @property
    def free(self) -> bool:
        """Tell whether any driver can plug in."""
        return self.number > 0 and self.operative and self.visit is None and not self.reserved_for

    def free_for(self, id_tag: str) -> bool:
        """Tell whether the driver with this tag can plug in: also where it is kept for them."""
        kept_for_them = self.reserved_for.lower() == id_tag.lower() and self.operative and self.visit is None
        return self.free or (bool(self.reserved_for) and kept_for_them)

    async def turn(self, status: str) -> None:
        """Take on a status and report it, now or when the station is connected again."""
        self.status = status
        await self.report_if_new()

    async def rest(self) -> None:
        """Take on the status of a connector that nobody uses."""
        idle = "Reserved" if self.reserved_for else "Available"
        await self.turn(idle if self.operative else "Unavailable")

    async def report(self) -> None:
        """Send a StatusNotification whether or not anything changed."""
        status = self.status
        if await self._report(self):
            self._reported = status
            await self.report_if_new()

    async def report_if_new(self) -> None:
        """Send a StatusNotification unless this status was the last one that arrived.

        While one is on its way, nothing is sent: whoever waits for its answer looks again, for the status may have
        changed meanwhile, and changed back.
        """
        if self._reporting:
            return
        self._reporting = True
        try:
            while self.status != self._reported:
                status = self.status
                if not await self._report(self):
                    return
                self._reported = status
        finally:
            self._reporting = False

    def set_availability(self, operative: bool) -> str:
        """Do what ChangeAvailability asks and return its status; an idle connector is then due a `rest`."""
        self.operative = operative
        return "Scheduled" if self.visit is not None and not operative else "Accepted"
