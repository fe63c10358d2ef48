"""A station on a raw WebSocket that keeps a ledger, and an offline queue with the retry rules of OCPP 1.6.

Transaction messages wait in a queue: in order, each until it is acknowledged (§4.1, §3.7.1). While the station is
offline they are kept without limit; one that gets a CALLERROR is sent again `ATTEMPTS` times in all and then given
up, so that a server which answers errors during an outage loses it. It boots once, not after each reconnect.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from tests.acceptance.ledger import NO_ANSWER, Charge, Ledger, Outcome, Payload, Reading, Sent

ATTEMPTS = 3  # TransactionMessageAttempts
ANSWER_SECONDS = 60.0
_FIRST_BACK_OFF, _LAST_BACK_OFF = 0.05, 1.0


class Refused(Exception):
    """The server answered with a CALLERROR."""


class Offline(Exception):
    """There is no socket, or it closed before the answer came."""


@dataclass(slots=True)
class Queued:
    """A transaction message: `fill` makes its payload when it is sent, `acknowledged` notes the answer."""

    action: str
    fill: Callable[[], Payload]
    acknowledged: Callable[[Payload], None]
    message_id: str
    attempts: int = 0


class LedgerStation:
    """One station; `run` keeps it connected, `charge` plays charges, `delivered` waits for the queue to empty."""

    def __init__(self, identity: str, url: str, key: str, id_tag: str, random: Random) -> None:
        self.identity = identity
        self.url = url
        self.id_tag = id_tag
        self.ledger = Ledger()
        # Called with each CALL just after it was sent: where a test strikes.
        self.on_sent: Callable[[Sent], None] = lambda sent: None
        self.online = asyncio.Event()
        self._authorization = base64.b64encode(f"{identity}:{key}".encode()).decode()
        self._random = random
        # Some stations keep the message id of a retried message, some take a new one. Both are in the field.
        self._keeps_ids = random.random() < 0.5
        self._numbers = itertools.count(1)
        self._register = random.randrange(1_000, 5_000_000)
        self._queue: deque[Queued] = deque()
        self._queue_changed = asyncio.Event()
        self._socket: ClientConnection | None = None
        self._slot = asyncio.Lock()
        self._open: dict[str, tuple[Sent, asyncio.Future[Payload]]] = {}
        self._booted = False
        self._news = asyncio.Event()

    async def until(self, condition: Callable[[Ledger], object], deadline: float = 60.0) -> None:
        """Return once the condition on the ledger holds; it is looked at whenever the ledger changes."""
        async with asyncio.timeout(deadline):
            while not condition(self.ledger):
                self._news.clear()
                await self._news.wait()

    # -- The link ----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Stay connected until cancelled."""
        pause = _FIRST_BACK_OFF
        while True:
            try:
                async with self._connect() as socket:
                    pause = _FIRST_BACK_OFF
                    await self._converse(socket)
            except InvalidStatus as refusal:
                self._refused_upgrade(refusal.response.status_code)
            except (InvalidHandshake, OSError, TimeoutError):
                self._refused_upgrade(NO_ANSWER)
            await asyncio.sleep(pause * self._random.uniform(0.5, 1.5))
            pause = min(pause * 2, _LAST_BACK_OFF)

    def _refused_upgrade(self, status: int) -> None:
        self.ledger.refused_upgrades[status] += 1
        self._news.set()

    def _connect(self) -> connect:
        return connect(
            self.url,
            subprotocols=[Subprotocol("ocpp1.6")],
            additional_headers={"Authorization": f"Basic {self._authorization}"},
            compression=None,
            proxy=None,
            close_timeout=2,
            ping_interval=None,
        )

    async def _converse(self, socket: ClientConnection) -> None:
        """Serve one connection until it closes."""
        self.ledger.connections += 1
        self._socket = socket
        work = asyncio.create_task(self._work())
        try:
            async for frame in socket:
                await self._take(str(frame))
        except ConnectionClosed:
            pass  # the code is noted below, whether the end was clean or not
        finally:
            self._socket = None
            self.online.clear()
            if socket.close_code is not None:  # none: it is we who leave, at the end of the test
                self.ledger.close_codes[socket.close_code] += 1
                self._news.set()
            self._close_open_calls()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _work(self) -> None:
        """What the station does of its own accord on one connection."""
        try:
            if not self._booted:
                await self._boot()
            self.online.set()
            await self._deliver()
        except Offline:
            return  # the reader ends too, and the next connection goes on

    async def _boot(self) -> None:
        answer = await self.call("BootNotification", {"chargePointVendor": "Acme", "chargePointModel": "Ledger 1"})
        assert answer["status"] == "Accepted"
        self._booted = True
        await self.call("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available"})

    # -- CALLs and answers -------------------------------------------------------------------------

    async def call(self, action: str, payload: Payload, message_id: str = "") -> Payload:
        """Send a CALL when no other is outstanding and return the answer; raises Refused or Offline."""
        async with self._slot:
            if self._socket is None:
                raise Offline
            sent = Sent(action, payload, message_id or self._new_id(), self.ledger.connections)
            answer: asyncio.Future[Payload] = asyncio.get_running_loop().create_future()
            self.ledger.sent.append(sent)
            self._open[sent.message_id] = (sent, answer)
            return await self._exchange(self._socket, sent, answer)

    async def _exchange(self, socket: ClientConnection, sent: Sent, answer: asyncio.Future[Payload]) -> Payload:
        try:
            await socket.send(json.dumps([2, sent.message_id, sent.action, sent.payload]))
            self.on_sent(sent)
            async with asyncio.timeout(ANSWER_SECONDS):
                return await answer
        except ConnectionClosed:
            self._finish(sent, Outcome.CLOSED)
            raise Offline from None
        except TimeoutError:
            self._finish(sent, Outcome.IGNORED)
            await socket.close()
            raise Offline from None

    def _new_id(self) -> str:
        return f"{self.identity}-{next(self._numbers)}"

    async def _take(self, frame: str) -> None:
        kind, message_id, *rest = json.loads(frame)
        if kind == 2:
            assert self._socket is not None
            await self._socket.send(json.dumps([4, message_id, "NotImplemented", "", {}]))
        elif message_id not in self._open:
            self.ledger.strays.append(frame)
        elif kind == 3:
            self._settle(message_id, Outcome.ANSWERED, rest[0])
        else:
            self._settle(message_id, Outcome.REFUSED, rest)

    def _settle(self, message_id: str, outcome: Outcome, content: Any) -> None:
        sent, answer = self._open[message_id]
        self._finish(sent, outcome)
        sent.answer = content
        if answer.done():
            return  # the caller was cancelled meanwhile
        if outcome is Outcome.ANSWERED:
            answer.set_result(content)
        else:
            answer.set_exception(Refused(f"{sent.action}: {content}"))

    def _finish(self, sent: Sent, outcome: Outcome) -> None:
        self._open.pop(sent.message_id, None)
        if sent.outcome is Outcome.WAITING:
            sent.outcome = outcome
            self._news.set()

    def _close_open_calls(self) -> None:
        for sent, answer in list(self._open.values()):
            self._finish(sent, Outcome.CLOSED)
            if not answer.done():
                answer.set_exception(Offline())
                answer.exception()  # looked at: nobody may be waiting for it any more

    # -- The offline queue -------------------------------------------------------------------------

    async def _deliver(self) -> None:
        """Send the queue in order, each message until it is acknowledged; new ones as they come."""
        while True:
            while self._queue:
                await self._attempt(self._queue[0])
            self._queue_changed.clear()
            await self._queue_changed.wait()

    async def _attempt(self, queued: Queued) -> None:
        """Try the head of the queue once; it stays there while the station is offline."""
        if not self._keeps_ids:
            queued.message_id = self._new_id()
        try:
            answer = await self.call(queued.action, queued.fill(), queued.message_id)
        except Refused:
            queued.attempts += 1
            queued.message_id = self._new_id()  # a CALLERROR settles an id
            if queued.attempts < ATTEMPTS:
                return
            self.ledger.discarded.append(self.ledger.sent[-1])
        else:
            queued.acknowledged(answer)
            self._news.set()
        self._queue.popleft()
        self._queue_changed.set()

    def _enqueue(self, action: str, fill: Callable[[], Payload], acknowledged: Callable[[Payload], None]) -> None:
        self._queue.append(Queued(action, fill, acknowledged, self._new_id()))
        self._queue_changed.set()

    async def delivered(self) -> None:
        """Return when every queued message is acknowledged."""
        while self._queue:
            self._queue_changed.clear()
            await self._queue_changed.wait()

    async def report(self, connector: int, status: str) -> None:
        """Send a status; one that cannot be sent now is not kept."""
        payload = {"connectorId": connector, "errorCode": "NoError", "status": status}
        with suppress(Offline, Refused):
            await self.call("StatusNotification", payload)

    # -- Charges -----------------------------------------------------------------------------------

    def start(self, connector: int = 1) -> Charge:
        """Begin a charge, whether there is a connection or not."""
        charge = Charge(connector, self.id_tag, _now(), self._register)
        self.ledger.charges.append(charge)
        start = {
            "connectorId": connector,
            "idTag": self.id_tag,
            "meterStart": charge.meter_start,
            "timestamp": _text(charge.started),
        }

        def acknowledged(answer: Payload) -> None:
            charge.transaction_ids.append(answer["transactionId"])
            charge.verdicts.append(answer["idTagInfo"]["status"])

        self._enqueue("StartTransaction", lambda: start, acknowledged)
        return charge

    def meter(self, charge: Charge) -> None:
        """Report that energy has flowed."""
        self._register += self._random.randrange(50, 500)
        charge.metered += 1
        # No two readings of a charge at the same moment, however fast it is played.
        reading = Reading(_after(charge, charge.metered), self._register)
        sampled = [{"value": str(reading.register), "unit": "Wh"}]
        value = {"timestamp": _text(reading.moment), "sampledValue": sampled}

        def fill() -> Payload:
            return {
                "connectorId": charge.connector,
                "transactionId": charge.transaction_id,
                "meterValue": [value],
            }

        self._enqueue("MeterValues", fill, lambda answer: charge.readings.append(reading))

    def stop(self, charge: Charge) -> None:
        """End a charge."""
        self._register += self._random.randrange(50, 500)
        charge.meter_stop = self._register
        stopped = _after(charge, 10_000)

        def fill() -> Payload:
            return {
                "transactionId": charge.transaction_id,
                "meterStop": charge.meter_stop,
                "timestamp": _text(stopped),
                "reason": "Local",
            }

        def acknowledged(answer: Payload) -> None:
            charge.stopped = True

        self._enqueue("StopTransaction", fill, acknowledged)

    async def charge(self, meter_values: int = 3) -> Charge:
        """Play one whole charge and return it when it is delivered."""
        await self.report(0, "Available")
        await self.report(1, "Preparing")
        charge = self.start()
        for _ in range(meter_values):
            self.meter(charge)
        self.stop(charge)
        await self.delivered()
        return charge


def _now() -> datetime:
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _after(charge: Charge, milliseconds: int) -> datetime:
    return charge.started + timedelta(milliseconds=milliseconds)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
