"""Charging profiles of a simulated station, and the power they leave to a charge (OCPP 1.6 §3.13)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import Any

from ocpp_gateway.simulator.configuration import Configuration
from ocpp_gateway.simulator.meter import timestamp

STATION, DEFAULT, TRANSACTION = "ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"
VOLTS = 230.0
_PHASES = 3
# How finely a composite schedule is worked out (s), and in how many steps at most.
_STEP, _MOST_STEPS = 60, 1440
_PERIODS = {"Daily": timedelta(days=1), "Weekly": timedelta(weeks=1)}


@dataclass(frozen=True, slots=True)
class Installed:
    """A profile at a connector; 0 is the whole station."""

    connector: int
    profile: dict[str, Any]

    @property
    def purpose(self) -> str:
        return str(self.profile["chargingProfilePurpose"])

    @property
    def level(self) -> int:
        return int(self.profile["stackLevel"])


class ChargingProfiles:
    """What is installed; limits are in W."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._installed: list[Installed] = []

    def install(self, connector: int, profile: dict[str, Any]) -> bool:
        """Install a profile, in the place of one with its number or at its place; tell whether it is taken."""
        new = Installed(connector, profile)
        if new.purpose == STATION and connector != 0:
            return False
        if new.level > self._configuration.fixed("ChargeProfileMaxStackLevel"):
            return False
        periods = profile["chargingSchedule"]["chargingSchedulePeriod"]
        if not periods or len(periods) > self._configuration.fixed("ChargingScheduleMaxPeriods"):
            return False
        left = [one for one in self._installed if not _replaces(new, one)]
        if len(left) >= self._configuration.fixed("MaxChargingProfilesInstalled"):
            return False
        self._installed = [*left, new]
        return True

    def clear(self, criteria: dict[str, Any]) -> bool:
        """Remove what fits all criteria of ClearChargingProfile, and tell whether there was any."""
        left = [one for one in self._installed if not _fits(one, criteria)]
        removed = len(left) < len(self._installed)
        self._installed = left
        return removed

    def end_transaction(self, connector: int) -> None:
        """Forget the profiles of a transaction that has ended (§3.13.1)."""
        self._installed = [one for one in self._installed if one.purpose != TRANSACTION or one.connector != connector]

    def limit(self, connector: int, now: datetime, began: datetime | None, phases: int = _PHASES) -> float:
        """Return the most a charge at a connector may take now, in W; `began` is when it did, None if none runs."""
        own = self._of(TRANSACTION, connector, now, began, phases) if began is not None else None
        if own is None:
            own = self._of(DEFAULT, connector, now, began, phases)
        whole = self._of(STATION, 0, now, began, phases)
        return min(inf if own is None else own, inf if whole is None else whole)

    def schedule(self, connector: int, now: datetime, seconds: int, unit: str, most: float) -> dict[str, Any]:
        """Return the schedule that all profiles make together, a period for each change within `seconds`."""
        per_unit = VOLTS * _PHASES if unit == "A" else 1.0
        periods: list[dict[str, Any]] = []
        step = max(_STEP, seconds // _MOST_STEPS)
        for start in range(0, max(seconds, 1), step):
            value = min(self.limit(connector, now + timedelta(seconds=start), now), most)
            limit = round(value / per_unit, 1)
            if not periods or periods[-1]["limit"] != limit:
                periods.append({"startPeriod": start, "limit": limit})
        return {
            "duration": seconds,
            "startSchedule": timestamp(now),
            "chargingRateUnit": unit,
            "chargingSchedulePeriod": periods,
        }

    def _of(self, purpose: str, connector: int, now: datetime, began: datetime | None, phases: int) -> float | None:
        """Return the limit of the highest level of a purpose that says something now; its own connector's beats 0's."""
        found = [one for one in self._installed if one.purpose == purpose and one.connector in (0, connector)]
        for one in sorted(found, key=lambda one: (one.level, one.connector), reverse=True):
            limit = _limit_now(one.profile, now, began, phases)
            if limit is not None:
                return limit
        return None


def _replaces(new: Installed, old: Installed) -> bool:
    same_place = (new.connector, new.purpose, new.level) == (old.connector, old.purpose, old.level)
    return same_place or new.profile["chargingProfileId"] == old.profile["chargingProfileId"]


def _fits(one: Installed, criteria: dict[str, Any]) -> bool:
    if "id" in criteria:
        return bool(one.profile["chargingProfileId"] == criteria["id"])
    return (
        criteria.get("connectorId", one.connector) == one.connector
        and criteria.get("chargingProfilePurpose", one.purpose) == one.purpose
        and criteria.get("stackLevel", one.level) == one.level
    )


def _limit_now(profile: dict[str, Any], now: datetime, began: datetime | None, phases: int) -> float | None:
    """Return what a profile allows now, in W; None where it says nothing about now."""
    if not _valid(profile, now):
        return None
    schedule = profile["chargingSchedule"]
    start = _start(profile, schedule, now, began)
    if start is None:
        return None
    elapsed = (now - start).total_seconds()
    if elapsed < 0 or elapsed >= schedule.get("duration", inf):
        return None
    period = _period(schedule["chargingSchedulePeriod"], elapsed)
    if period is None:
        return None
    limit = float(period["limit"])
    used = min(phases, period.get("numberPhases", phases))
    return limit if schedule["chargingRateUnit"] == "W" else limit * VOLTS * used


def _valid(profile: dict[str, Any], now: datetime) -> bool:
    begin, end = profile.get("validFrom"), profile.get("validTo")
    return (begin is None or _moment(begin) <= now) and (end is None or now < _moment(end))


def _start(profile: dict[str, Any], schedule: dict[str, Any], now: datetime, began: datetime | None) -> datetime | None:
    kind = profile["chargingProfileKind"]
    if kind == "Relative" or "startSchedule" not in schedule:
        return began
    start = _moment(schedule["startSchedule"])
    if kind == "Recurring" and now >= start:
        every = _PERIODS[profile.get("recurrencyKind", "Daily")]
        start += (now - start) // every * every
    return start


def _period(periods: Iterable[dict[str, Any]], elapsed: float) -> dict[str, Any] | None:
    begun = [one for one in periods if one["startPeriod"] <= elapsed]
    return max(begun, key=lambda one: int(one["startPeriod"]), default=None)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
