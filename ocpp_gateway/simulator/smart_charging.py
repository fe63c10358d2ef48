"""How a simulated station answers about charging profiles (OCPP 1.6 §5.5, §5.7, §5.16)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocpp_gateway.simulator.charging_profiles import STATION, TRANSACTION
from ocpp_gateway.simulator.wire import Payload, Reply

if TYPE_CHECKING:
    from ocpp_gateway.simulator.charging import Visit
    from ocpp_gateway.simulator.station import Station

_ACCEPTED, _REJECTED = {"status": "Accepted"}, {"status": "Rejected"}


class SmartCharging:
    """Answers for one station; a running charge heeds a new limit at once."""

    def __init__(self, station: Station) -> None:
        self._station = station

    def set_profile(self, payload: Payload) -> Reply:
        """Answer SetChargingProfile."""
        number, profile = payload["connectorId"], payload["csChargingProfiles"]
        if not 0 <= number < len(self._station.connectors) or not self._has_transaction(number, profile):
            return Reply(_REJECTED)
        if not self._station.profiles.install(number, profile):
            return Reply(_REJECTED)
        return Reply(_ACCEPTED, self._apply)

    def clear(self, payload: Payload) -> Reply:
        """Answer ClearChargingProfile."""
        if self._station.profiles.clear(payload):
            return Reply(_ACCEPTED, self._apply)
        return Reply({"status": "Unknown"})

    def composite(self, payload: Payload) -> Reply:
        """Answer GetCompositeSchedule: what all profiles and the connector itself allow together."""
        number = payload["connectorId"]
        if not 0 <= number < len(self._station.connectors):
            return Reply(_REJECTED)
        now, unit = self._station.clock.now(), payload.get("chargingRateUnit", "W")
        most = self._station.model.power * (1 if number else self._station.model.connectors)
        schedule = self._station.profiles.schedule(number, now, payload["duration"], unit, most)
        return Reply(
            {
                **_ACCEPTED,
                "connectorId": number,
                "scheduleStart": schedule["startSchedule"],
                "chargingSchedule": schedule,
            }
        )

    def _has_transaction(self, number: int, profile: dict[str, Any]) -> bool:
        """Tell whether a profile of a transaction has one; others need none (§5.16.2)."""
        if profile["chargingProfilePurpose"] != TRANSACTION:
            return profile["chargingProfilePurpose"] != STATION or number == 0
        visit = self._station.connectors[number].visit
        if visit is None or visit.transaction is None:
            return False
        return profile.get("transactionId", visit.transaction.id) == visit.transaction.id

    async def _apply(self) -> None:
        for visit in self._charging():
            await visit.heed_limit()

    def _charging(self) -> list[Visit]:
        return [visit for visit in self._station.visits if visit.charging]
