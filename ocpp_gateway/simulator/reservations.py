"""Reservations of a simulated station (OCPP 1.6 §5.2, §5.13): kept until they are used, cancelled or over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ocpp_gateway.simulator.clock import Clock
from ocpp_gateway.simulator.connector import Connector
from ocpp_gateway.simulator.wire import Payload, Reply


@dataclass(frozen=True, slots=True)
class Reservation:
    """For whom a connector is kept, and until when."""

    number: int
    connector: Connector
    id_tag: str
    until: datetime


class Reservations:
    """What is kept for whom. Connector 0 stands for any: the first that is free is kept."""

    def __init__(self, connectors: Callable[[], list[Connector]], clock: Clock, say: Callable[[str], None]) -> None:
        self._connectors = connectors
        self._clock = clock
        self._say = say
        self._kept: dict[int, Reservation] = {}

    def reserve(self, payload: Payload) -> Reply:
        """Answer ReserveNow; the same number again replaces the reservation (§5.13)."""
        number = payload["reservationId"]
        known = self._kept.get(number)
        connector, status = self._find(payload["connectorId"], known)
        if connector is None:
            return Reply({"status": status})
        until = datetime.fromisoformat(payload["expiryDate"])
        reservation = Reservation(number, connector, payload["idTag"], until)

        async def keep() -> None:
            if known is not None and known.connector is not connector:
                await known.connector.rest()
            await connector.rest()
            await self._watch(reservation)

        if known is not None:
            known.connector.reserved_for = ""
        self._kept[number] = reservation
        connector.reserved_for = payload["idTag"]
        self._say(f"connector {connector.number}: reserved until {until:%H:%M}")
        return Reply({"status": "Accepted"}, keep)

    def cancel(self, payload: Payload) -> Reply:
        """Answer CancelReservation."""
        reservation = self._kept.get(payload["reservationId"])
        if reservation is None:
            return Reply({"status": "Rejected"})
        self._drop(reservation)
        return Reply({"status": "Accepted"}, reservation.connector.rest)

    def use(self, connector: Connector) -> int | None:
        """Return the number of the reservation that a charge at a connector uses up, if there is one."""
        reservation = next((one for one in self._kept.values() if one.connector is connector), None)
        if reservation is None:
            return None
        self._drop(reservation)
        return reservation.number

    def _find(self, number: int, known: Reservation | None) -> tuple[Connector | None, str]:
        """Return the connector to keep, or the word for why there is none."""
        if not 0 <= number < len(self._connectors()):
            return None, "Rejected"
        chosen = self._connectors()[1:] if number == 0 else [self._connectors()[number]]
        free = [one for one in chosen if one.free or (known is not None and one is known.connector)]
        if free:
            return free[0], "Accepted"
        return None, "Occupied" if any(one.operative for one in chosen) else "Unavailable"

    def _drop(self, reservation: Reservation) -> None:
        self._kept.pop(reservation.number, None)
        reservation.connector.reserved_for = ""

    async def _watch(self, reservation: Reservation) -> None:
        """Return when the time of a reservation is over; if it still stands, it ends."""
        await self._clock.sleep((reservation.until - self._clock.now()).total_seconds())
        if self._kept.get(reservation.number) is reservation:
            self._drop(reservation)
            self._say(f"connector {reservation.connector.number}: the reservation is over")
            await reservation.connector.rest()
