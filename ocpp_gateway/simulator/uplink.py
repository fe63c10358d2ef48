"""Keeps a station connected: back-off, boot, heartbeats, and the backlog of transaction messages."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus

from ocpp_gateway.simulator.backlog import Backlog
from ocpp_gateway.simulator.clock import Clock
from ocpp_gateway.simulator.configuration import Configuration
from ocpp_gateway.simulator.wire import Answer, CallRefused, CallTimeout, Offline, Payload, Unreadable, Wire

SUBPROTOCOL = "ocpp1.6"
# The wait for an answer and the back-off are real seconds: the network does not run on a simulated clock.
CALL_TIMEOUT = 30.0
FIRST_BACK_OFF = 0.5
LONGEST_BACK_OFF = 30.0
# Used when the answer to BootNotification leaves the interval to the station (OCPP 1.6 §6.8).
_OWN_BOOT_INTERVAL = 60.0
_FINAL_REFUSALS = frozenset({400, 401, 403, 404})


@dataclass(frozen=True, slots=True)
class Address:
    """Where a station connects, and with which credentials (Basic authentication) until it is given a new key."""

    url: str
    identity: str
    key: str = field(repr=False)


class Uplink:
    """One station's link to the central system.

    `answer` answers its CALLs; `greet` is awaited each time the link is ready, with True after a boot.
    """

    def __init__(
        self,
        address: Address,
        boot: Payload,
        configuration: Configuration,
        clock: Clock,
        random: Random,
        *,
        answer: Answer,
        greet: Callable[[bool], Awaitable[None]],
        say: Callable[[str], None],
    ) -> None:
        self._address = address
        self._boot = boot
        self._configuration = configuration
        self._clock = clock
        self._random = random
        self._answer = answer
        self._greet = greet
        self._say = say
        self._wire: Wire | None = None
        self._booted = False
        self._back_off = FIRST_BACK_OFF
        self.backlog = Backlog(configuration)
        self.ready = asyncio.Event()
        self.trouble = ""  # why there was no link, last time
        self.refused = asyncio.Event()  # set when trying again can not help
        self.calls = 0
        self.errors = 0

    async def run(self) -> None:
        """Stay connected until cancelled."""
        while True:
            try:
                async with self._connect() as socket:
                    await self._converse(socket)
            except InvalidStatus as refusal:
                self._note(f"upgrade refused with HTTP {refusal.response.status_code}")
                if refusal.response.status_code in _FINAL_REFUSALS:
                    self.refused.set()
            except (InvalidHandshake, OSError, TimeoutError) as error:
                self._note(f"cannot connect: {error}")
            except Unreadable as error:
                self._note(str(error))
            await asyncio.sleep(self._next_back_off())

    async def call(self, action: str, payload: Payload, message_id: str | None = None) -> Payload:
        """Send a CALL now and return the answer; raises Offline, CallRefused or CallTimeout."""
        if self._wire is None:
            raise Offline("the station is not connected")
        self.calls += 1
        try:
            return await self._wire.call(action, payload, message_id)
        except (CallRefused, CallTimeout) as error:
            self.errors += 1
            self._say(f"{action}: {error}")
            raise

    async def restart(self) -> None:
        """Drop the connection and boot again on the next one, as after a Reset."""
        self._booted = False
        self.ready.clear()
        await self.drop()

    async def drop(self) -> None:
        """Drop the connection; `run` opens a new one."""
        if self._wire is not None:
            await self._wire.close()

    def _connect(self) -> connect:
        return connect(
            self._address.url,
            subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]
            additional_headers={"Authorization": self._authorization()},
            compression=None,
            proxy=None,
            max_queue=None,
        )

    def _authorization(self) -> str:
        pair = f"{self._address.identity}:{self._configuration.authorization_key}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    async def _converse(self, socket: ClientConnection) -> None:
        """Serve one connection until it closes."""
        self._wire = wire = Wire(socket, self._answer, CALL_TIMEOUT)
        reader = asyncio.create_task(wire.serve())
        work = asyncio.create_task(self._work())
        try:
            await asyncio.wait({reader, work}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._wire = None
            self.ready.clear()
            work.cancel()
            reader.cancel()
            outcome = await asyncio.gather(reader, work, return_exceptions=True)
        _raise_unexpected(outcome)
        self._note(f"connection closed ({socket.close_code})")

    async def _work(self) -> None:
        """Everything the station says of its own accord on one connection."""
        booting = not self._booted
        if booting:
            await self._boot_until_accepted()
        self._back_off = FIRST_BACK_OFF
        self.ready.set()
        await self._greet(booting)
        heartbeats = asyncio.create_task(self._send_heartbeats())
        try:
            await self.backlog.deliver(self.call, self._clock.sleep)
        finally:
            heartbeats.cancel()

    async def _boot_until_accepted(self) -> None:
        while not self._booted:
            interval = await self._ask_to_boot()
            if not self._booted:
                self._note(f"boot was not accepted, trying again in {interval:g} s")
                await self._clock.sleep(interval or _OWN_BOOT_INTERVAL)

    async def send_boot(self) -> None:
        """Send a BootNotification because the central system asked for one."""
        await self._ask_to_boot()

    async def _ask_to_boot(self) -> float:
        """Send a BootNotification, and return the interval in its answer (s)."""
        answer = await self.call("BootNotification", self._boot)
        interval = float(answer["interval"])
        if answer["status"] == "Accepted":
            self._booted = True
            if interval > 0:
                self._configuration.set("HeartbeatInterval", str(round(interval)))
        return interval

    async def send_heartbeat(self) -> None:
        """Send a Heartbeat; the time in its answer is not used, as the stations have a clock of their own."""
        await self.call("Heartbeat", {})

    async def _send_heartbeats(self) -> None:
        while True:
            await self._clock.sleep(max(1.0, self._configuration.integer("HeartbeatInterval")))
            try:
                await self.send_heartbeat()
            except (CallRefused, CallTimeout):
                continue  # counted and shown by call()
            except Offline:
                return

    def _next_back_off(self) -> float:
        """Return the wait before the next attempt, in real seconds: doubled each time, with a random part."""
        wait = self._back_off * self._random.uniform(0.5, 1.5)
        self._back_off = min(self._back_off * 2, LONGEST_BACK_OFF)
        return wait

    def _note(self, trouble: str) -> None:
        self.trouble = trouble
        self._say(trouble)


def _raise_unexpected(outcome: Sequence[BaseException | None]) -> None:
    """Raise what is no ordinary end of a connection."""
    for error in outcome:
        if isinstance(error, Exception) and not isinstance(error, Offline | CallRefused | CallTimeout):
            raise error
