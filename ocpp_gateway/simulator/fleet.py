"""Many simulated stations together, and how to run them until they are done or told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from random import Random

from ocpp_gateway.simulator.clock import Clock
from ocpp_gateway.simulator.drivers import Habits
from ocpp_gateway.simulator.progress import Board
from ocpp_gateway.simulator.station import Station
from ocpp_gateway.simulator.uplink import Address

# Real seconds: for all stations to end their charges when told to stop, and to find the server with `once`.
STOP_WITHIN = 8.0
PATIENCE = 60.0
# A fleet comes up over a while, as after a power cut; so many stations begin per second.
_STARTS_PER_SECOND = 50


@dataclass(frozen=True, slots=True)
class Totals:
    """What the fleet has done so far, and what it is doing (`power` in W, `energy` in Wh)."""

    stations: int
    online: int
    charging: int
    power: float
    sessions: int
    energy: float
    messages: int
    errors: int
    waiting: int


class Fleet:
    """Stations made from one seed: the same seed makes the same stations, cars and drivers."""

    def __init__(
        self,
        addresses: Iterable[Address],
        habits: Habits,
        clock: Clock,
        seed: int,
        say: Callable[[str, str], None],
    ) -> None:
        self.clock = clock
        self.stations = [_station(address, habits, clock, seed, say) for address in addresses]

    async def run(self) -> None:
        """Run every station until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for place, station in enumerate(self.stations):
                tasks.create_task(_after(place / _STARTS_PER_SECOND, station.run()))

    async def run_once(self, patience: float = PATIENCE) -> None:
        """Let every station serve one driver, and return when all is delivered."""
        async with asyncio.TaskGroup() as tasks:
            for place, station in enumerate(self.stations):
                tasks.create_task(_after(place / _STARTS_PER_SECOND, station.run_once(patience)))

    async def stop(self, within: float = STOP_WITHIN) -> None:
        """End every charge and deliver what is queued; gives up after `within` real seconds."""
        try:
            async with asyncio.timeout(within):
                await asyncio.gather(*(station.stop() for station in self.stations))
        except TimeoutError:
            return  # what was not delivered is in the totals

    def totals(self) -> Totals:
        """Return the figures that the progress and the summary show."""
        links = [station.uplink for station in self.stations]
        visits = [visit for station in self.stations for visit in station.visits if visit.charging]
        return Totals(
            stations=len(self.stations),
            online=sum(link.ready.is_set() for link in links),
            charging=len(visits),
            power=sum(visit.charge.power() for visit in visits),
            sessions=sum(station.sessions for station in self.stations),
            energy=sum(station.energy for station in self.stations),
            messages=sum(link.calls for link in links),
            errors=sum(link.errors for link in links),
            waiting=sum(len(link.backlog) for link in links),
        )

    def failures(self) -> list[str]:
        """Return one line for each station that did not complete a session, or lost a message."""
        faults = ((station.identity, _faults(station)) for station in self.stations)
        return [f"{identity}: {'; '.join(found)}" for identity, found in faults if found]


async def operate(fleet: Fleet, board: Board, *, once: bool) -> None:
    """Run the fleet until it is done (`once`), or until SIGTERM or Ctrl-C, which end charges properly."""
    told = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, told.set)
    show = asyncio.create_task(board.show(fleet))
    run = asyncio.create_task(fleet.run_once() if once else fleet.run())
    wait = asyncio.create_task(told.wait())
    try:
        await asyncio.wait({run, wait}, return_when=asyncio.FIRST_COMPLETED)
        if not run.done():
            board.announce("ending the charges")
            await fleet.stop()
    finally:
        for task in (run, wait, show):
            task.cancel()
        outcome, *_ = await asyncio.gather(run, wait, show, return_exceptions=True)
        board.close()
    if isinstance(outcome, Exception):
        raise outcome


def _station(address: Address, habits: Habits, clock: Clock, seed: int, say: Callable[[str, str], None]) -> Station:
    random = Random(f"{seed}/{address.identity}")  # noqa: S311 - repeatable on purpose
    return Station(address, habits, clock, random, lambda text: say(address.identity, text))


def _faults(station: Station) -> list[str]:
    found = [*station.failures, *station.uplink.backlog.given_up]
    if not found and not station.sessions:
        found.append("no session was completed")
    if waiting := len(station.uplink.backlog):
        found.append(f"{waiting} messages were not delivered")
    return found


async def _after(delay: float, run: Coroutine[None, None, None]) -> None:
    await asyncio.sleep(delay)
    await run
