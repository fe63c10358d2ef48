"""One driver's visit at one connector: plug in, authorize, charge, stop, unplug."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

from ocpp_gateway.simulator.backlog import Transaction
from ocpp_gateway.simulator.battery import Charge
from ocpp_gateway.simulator.charging_profiles import ChargingProfiles
from ocpp_gateway.simulator.clock import Clock
from ocpp_gateway.simulator.configuration import Configuration
from ocpp_gateway.simulator.connector import Connector
from ocpp_gateway.simulator.drivers import Plan
from ocpp_gateway.simulator.local_list import LocalList
from ocpp_gateway.simulator.meter import timestamp
from ocpp_gateway.simulator.reservations import Reservations
from ocpp_gateway.simulator.uplink import Uplink
from ocpp_gateway.simulator.wire import CallRefused, CallTimeout, Offline

# How often the battery is looked at when the interval is 0, which turns sampled values off (s).
_UNSAMPLED_STEP = 60.0
# Nobody plugs in for less (%).
LEAST_GAIN = 10.0


@dataclass(frozen=True, slots=True)
class Site:
    """What all visits of a station share."""

    uplink: Uplink
    configuration: Configuration
    clock: Clock
    random: Random
    local_list: LocalList
    profiles: ChargingProfiles
    reservations: Reservations


class Visit:
    """Runs one visit; `transaction` is there once StartTransaction has been queued.

    `settle` is called when the answer to StopTransaction is there, which may be long after the visit.
    """

    def __init__(
        self,
        plan: Plan,
        connector: Connector,
        charge: Charge,
        site: Site,
        settle: Callable[[Visit], None],
    ) -> None:
        self.plan = plan
        self.connector = connector
        self.charge = charge
        self.transaction: Transaction | None = None
        self.refusal = ""
        self._arrival_soc = charge.soc
        self.over = asyncio.Event()
        self._settle = settle
        self._site = site
        self._uplink = site.uplink
        self._configuration = site.configuration
        self._clock = site.clock
        self._random = site.random
        self._stop = asyncio.Event()
        self._reason = plan.farewell
        self._hurry = asyncio.Event()
        self._readings: list[dict[str, Any]] = []
        self._began: datetime | None = None

    @property
    def completed(self) -> bool:
        """Tell whether the central system has acknowledged the whole transaction."""
        return self.transaction is not None and self.transaction.id > 0 and self.transaction.ended

    @property
    def charging(self) -> bool:
        """Tell whether the transaction has begun and not ended."""
        return self.transaction is not None and not self._stop.is_set()

    def stop(self, reason: str, *, hurry: bool = False) -> None:
        """End the charge with this OCPP reason; in a `hurry` nobody waits for the driver to unplug."""
        if hurry:
            self._hurry.set()
        if not self._stop.is_set():
            self._reason = reason
            self._stop.set()

    async def run(self) -> None:
        """Go through the whole visit, and leave the connector as it should be."""
        try:
            await self.connector.turn("Preparing")
            await self._clock.wait(self._stop, self._random.uniform(4, 20))
            if not self._stop.is_set() and await self._authorized():
                await self._charge()
            await self.connector.turn("Finishing")
            await self._clock.wait(self._hurry, self._random.uniform(10, 60))
        finally:
            self.connector.visit = None
            self._site.profiles.end_transaction(self.connector.number)
            self.over.set()
        await self.connector.rest()

    async def _authorized(self) -> bool:
        """Ask the central system; a station that is offline lets a known driver charge (OCPP 1.6 §3.5)."""
        if not self.plan.authorize:
            return True
        known = self._site.local_list.allows(self.plan.id_tag)
        if known and self._configuration.boolean("LocalPreAuthorize"):
            return True
        try:
            answer = await self._uplink.call("Authorize", {"idTag": self.plan.id_tag})
        except (Offline, CallTimeout):
            if known is False:
                self.refusal = "the id tag may not charge, says the local list"
            return known is not False
        except CallRefused as error:
            self.refusal = f"Authorize: {error}"
            return False
        status = answer["idTagInfo"]["status"]
        if status != "Accepted":
            self.refusal = f"the id tag was answered {status}"
        return bool(status == "Accepted")

    async def _charge(self) -> None:
        transaction = self._begin()
        await self.connector.turn("Charging")
        begin = last = self._clock.now()
        self._began = begin
        await self.heed_limit()
        while not self._finished(transaction, (last - begin).total_seconds()):
            interval = self._configuration.integer("MeterValueSampleInterval")
            await self._clock.wait(self._stop, interval or _UNSAMPLED_STEP)
            now = self._clock.now()
            self.connector.meter.count(self.charge.advance((now - last).total_seconds()))
            last = now
            await self.heed_limit()
            if interval and not self._stop.is_set():
                self.send_meter_values(now)
        self._end(transaction, last)

    async def heed_limit(self) -> None:
        """Take no more than the charging profiles leave from now on, and show who holds the charge back."""
        charge, now = self.charge, self._clock.now()
        charge.limit = self._site.profiles.limit(self.connector.number, now, self._began, charge.phases)
        status = "SuspendedEV" if charge.full else "SuspendedEVSE" if charge.limit <= 0 else "Charging"
        if status != self.connector.status:
            await self.connector.turn(status)

    def _finished(self, transaction: Transaction, stayed: float) -> bool:
        if transaction.status not in ("", "Accepted"):
            self.refusal = f"StartTransaction: the id tag was answered {transaction.status}"
            if self._configuration.boolean("StopTransactionOnInvalidId"):
                self.stop("DeAuthorized")
        enough = max(self.plan.target_soc, self._arrival_soc + LEAST_GAIN)
        if self.charge.soc >= enough or stayed >= self.plan.stay:
            self.stop(self.plan.farewell)
        return self._stop.is_set()

    def _begin(self) -> Transaction:
        self.transaction = transaction = Transaction(on_end=lambda: self._settle(self))
        now = self._clock.now()
        self._readings.append(self.connector.meter.register_reading(now, "Transaction.Begin"))
        payload = {
            "connectorId": self.connector.number,
            "idTag": self.plan.id_tag,
            "meterStart": self.connector.meter.wh,
            "timestamp": timestamp(now),
        }
        reservation = self._site.reservations.use(self.connector)
        if reservation is not None:
            payload["reservationId"] = reservation
        self._uplink.backlog.put("StartTransaction", payload, transaction)
        return transaction

    def send_meter_values(self, now: datetime, context: str = "Sample.Periodic") -> None:
        """Queue a MeterValues of the running transaction."""
        assert self.transaction is not None
        reading = self.connector.meter.reading(
            self.charge, now, measurands=self._configuration.measurands(), context=context
        )
        payload = {"connectorId": self.connector.number, "meterValue": [reading]}
        self._uplink.backlog.put("MeterValues", payload, self.transaction)

    def _end(self, transaction: Transaction, now: datetime) -> None:
        self._readings.append(self.connector.meter.register_reading(now, "Transaction.End"))
        payload = {
            "idTag": self.plan.id_tag,
            "meterStop": self.connector.meter.wh,
            "timestamp": timestamp(now),
            "reason": self._reason,
            "transactionData": self._readings,
        }
        self._uplink.backlog.put("StopTransaction", payload, transaction)
