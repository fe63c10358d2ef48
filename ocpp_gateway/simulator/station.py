"""A simulated station: its connectors, the drivers who come to it, and its link to the central system."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from random import Random

from ocpp_gateway.simulator.battery import Charge
from ocpp_gateway.simulator.catalogue import Model, pick_car, pick_model
from ocpp_gateway.simulator.certificates import Certificates
from ocpp_gateway.simulator.charging import Site, Visit
from ocpp_gateway.simulator.charging_profiles import ChargingProfiles
from ocpp_gateway.simulator.clock import Clock
from ocpp_gateway.simulator.commands import Commands
from ocpp_gateway.simulator.configuration import Configuration
from ocpp_gateway.simulator.connector import Connector
from ocpp_gateway.simulator.drivers import Habits, Plan
from ocpp_gateway.simulator.firmware import Firmware
from ocpp_gateway.simulator.local_list import LocalList
from ocpp_gateway.simulator.meter import Meter, timestamp
from ocpp_gateway.simulator.reservations import Reservations
from ocpp_gateway.simulator.uplink import Address, Uplink
from ocpp_gateway.simulator.uploads import Uploads
from ocpp_gateway.simulator.wire import CallRefused, CallTimeout, Offline, Payload

# Drivers come about this often to each connector (s), the first one early: there is something to see.
MEAN_IDLE = 900.0
FIRST_IDLE = 40.0
_RESET_GRACE = 60.0
# From the answer to a Reset until the connection drops (s): simulated, and at least so much of real time, in which
# the central system reads the answer.
_SHUTDOWN = 4.0
_LEAST_SHUTDOWN = 0.2
_KEPT_FAILURES = 5
_KEPT_LINES = 200  # of the journal that diagnostics are made of


class Station:
    """One station; equal `random` states make equal stations, drivers and cars."""

    def __init__(
        self, address: Address, habits: Habits, clock: Clock, random: Random, say: Callable[[str], None]
    ) -> None:
        self.identity = address.identity
        self.model = pick_model(random)
        self.habits = habits
        self.clock = clock
        self.configuration = Configuration(self.model.connectors, habits.sample_interval, authorization_key=address.key)
        self.sessions = 0
        self.energy = 0.0  # Wh, of completed sessions
        self.failures: deque[str] = deque(maxlen=_KEPT_FAILURES)
        self._random = random
        self._say = say
        self._closing = False
        self._journal: deque[str] = deque(maxlen=_KEPT_LINES)
        self.connectors = [self._connector(number) for number in range(self.model.connectors + 1)]
        self.local_list = LocalList(self.configuration)
        self.profiles = ChargingProfiles(self.configuration)
        self.reservations = Reservations(lambda: self.connectors, clock, self._tell)
        self.certificates = Certificates(self.identity, self._call)
        self.uploads = Uploads(self.identity, self._call, clock, lambda: list(self._journal))
        self.firmware = Firmware(self.model.firmware, self._call, clock, self._reboot)
        self._boot = _boot_payload(self.model, self.identity, random)
        self.uplink = Uplink(
            address,
            self._boot,
            self.configuration,
            clock,
            random,
            answer=Commands(self).answer,
            greet=self._greet,
            say=self._tell,
        )
        self._site = Site(
            self.uplink, self.configuration, clock, random, self.local_list, self.profiles, self.reservations
        )

    async def _call(self, action: str, payload: Payload) -> Payload:
        return await self.uplink.call(action, payload)

    def _tell(self, text: str) -> None:
        """Show what happens, and keep it for the diagnostics."""
        self._journal.append(f"{timestamp(self.clock.now())} {text}")
        self._say(text)

    async def _reboot(self, version: str) -> None:
        """Boot with another firmware, once nobody charges; return when the central system has accepted that."""
        self._boot["firmwareVersion"] = version
        for visit in self.visits:
            visit.stop("Reboot", hurry=True)
        await self.uplink.restart()
        await self.uplink.ready.wait()

    def _connector(self, number: int) -> Connector:
        return Connector(number, Meter(self._random.uniform(2e5, 9e6), self._random), self._report_status)

    @property
    def visits(self) -> list[Visit]:
        """Return the visits under way."""
        return [connector.visit for connector in self.connectors if connector.visit is not None]

    async def run(self) -> None:
        """Live until cancelled: stay connected, and serve drivers as they come."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.uplink.run())
            for connector in self.connectors[1:]:
                tasks.create_task(self._serve_drivers(connector))

    async def run_once(self, patience: float) -> None:
        """Connect, serve one driver, and return when all is delivered; `failures` tells what went wrong.

        `patience` is how many real seconds the station tries to connect, and in the end to deliver.
        """
        link = asyncio.create_task(self.uplink.run())
        try:
            if await self._connected(patience):
                await self.clock.sleep(self._random.uniform(0, 20))
                await self.visit(self.connectors[1], self.habits.plan(self._random))
                async with asyncio.timeout(patience):
                    await self.uplink.backlog.drained()
            else:
                self.failures.append(self.uplink.trouble or "no connection")
        except TimeoutError:
            self.failures.append(f"{len(self.uplink.backlog)} messages could not be delivered")
        finally:
            link.cancel()
            await asyncio.gather(link, return_exceptions=True)

    async def stop(self) -> None:
        """End every charge as a driver in a hurry would, and return when the central system knows."""
        self._closing = True
        for visit in self.visits:
            visit.stop("Local", hurry=True)
        await asyncio.gather(*(visit.over.wait() for visit in self.visits))
        await self.uplink.backlog.drained()

    async def visit(self, connector: Connector, plan: Plan) -> Visit:
        """Let a driver charge at a free connector; returns when the connector is free again."""
        car, soc = pick_car(self._random)
        charge = Charge(car, soc, self.model.power, self.model.direct_current)
        visit = Visit(plan, connector, charge, self._site, self._settle)
        connector.visit = visit
        self._tell(f"connector {connector.number}: {car.name} at {soc:.0f} % plugs in")
        try:
            await visit.run()
        finally:
            self.habits.tags.give_back(plan.id_tag)
        self._take_stock(visit)
        return visit

    async def reset(self, *, hard: bool) -> None:
        """End every charge and boot again; a soft reset lets the last messages out first (OCPP 1.6 §5.14)."""
        for visit in self.visits:
            visit.stop("HardReset" if hard else "SoftReset", hurry=True)
        if not hard:
            try:
                async with asyncio.timeout(self.clock.real(_RESET_GRACE)):
                    await self.uplink.backlog.drained()
            except TimeoutError:
                self._tell("reset before all messages were delivered")
        self._tell("resets")
        await asyncio.sleep(max(self.clock.real(_SHUTDOWN), _LEAST_SHUTDOWN))
        await self.uplink.restart()

    async def _connected(self, patience: float) -> bool:
        waits = [asyncio.create_task(event.wait()) for event in (self.uplink.ready, self.uplink.refused)]
        _, pending = await asyncio.wait(waits, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        for wait in pending:
            wait.cancel()
        return self.uplink.ready.is_set()

    async def _serve_drivers(self, connector: Connector) -> None:
        await self.uplink.ready.wait()
        await self.clock.sleep(self._random.uniform(2, FIRST_IDLE))
        while not self._closing:
            if connector.free:
                await self.visit(connector, self.habits.plan(self._random))
            await self.clock.sleep(self._random.expovariate(1 / MEAN_IDLE))

    def _settle(self, visit: Visit) -> None:
        """Count a session whose last message has been answered or given up."""
        if visit.completed:
            self.sessions += 1
            self.energy += visit.charge.energy

    def _take_stock(self, visit: Visit) -> None:
        if visit.transaction is None or visit.refusal:
            self.failures.append(visit.refusal or "the driver left before the charge began")
            self._tell(self.failures[-1])
            return
        charge = visit.charge
        self._tell(
            f"connector {visit.connector.number}: {charge.energy / 1000:.2f} kWh"
            f" in {charge.elapsed / 60:.0f} min, {charge.car.name} at {charge.soc:.0f} %"
        )

    async def _greet(self, booted: bool) -> None:
        self._tell("booted" if booted else f"connected again, {len(self.uplink.backlog)} messages to send")
        for connector in self.connectors:
            await (connector.report() if booted else connector.report_if_new())

    async def _report_status(self, connector: Connector) -> bool:
        payload: Payload = {
            "connectorId": connector.number,
            "errorCode": "NoError",
            "status": connector.status,
            "timestamp": timestamp(self.clock.now()),
        }
        try:
            await self.uplink.call("StatusNotification", payload)
        except (CallRefused, CallTimeout, Offline):
            return False  # the first two are counted and shown by the link
        return True


def _boot_payload(model: Model, identity: str, random: Random) -> Payload:
    return {
        "chargePointVendor": model.vendor,
        "chargePointModel": model.name,
        "chargePointSerialNumber": f"{identity[-15:]}-{random.randrange(16**6):06X}",
        "firmwareVersion": model.firmware,
        "meterType": "DC-SM1" if model.direct_current else "AC-SM3",
    }
