"""A station that says anything: it keeps a ledger of what it sent and answers what it is asked with anything, too."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from contextlib import suppress
from itertools import count
from random import Random
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from ocpp_gateway.protocol.frames import CALL, CALL_ERROR, CALL_RESULT
from tests.acceptance.ledger import Ledger, Outcome, Sent
from tests.fuzz.frames import Made, call, mutated
from tests.fuzz.schema_values import response_maker
from tests.people import Installed
from tests.station import basic, connect_station

TOGETHER = 8  # frames on their way at the same time
ANSWER_SECONDS = 15.0
TRANSACTION_MESSAGES = ("StartTransaction", "MeterValues", "StopTransaction")


class FuzzStation:
    """`run` connects again and again until its time is over; then `ledger` says what must be stored."""

    def __init__(self, gateway_url: str, charger: Installed, tags: list[str], random: Random) -> None:
        self.charger = charger
        self.ledger = Ledger()
        self.commands: Counter[str] = Counter()  # by message id: how often each was given to us
        self.transactions: list[int] = [-1, 0, 999]
        self._url = gateway_url + charger.path
        self._tags = tags
        self._random = random
        self._numbers = count(1)
        self._open: dict[str, Sent] = {}
        self._sent: list[Made] = []
        self._odd = 0  # frames that may be answered in any way, once at most
        self._idle = asyncio.Event()

    async def run(self, end: float) -> None:
        """Send frames until `end` (by the monotonic clock), and wait for the last answers."""
        while time.monotonic() < end:
            authorization = basic(self.charger.identity, self.charger.key)
            station = await connect_station(self._url, self.charger.identity, authorization)
            self.ledger.connections += 1
            await self._converse(station.socket, end)
            await station.socket.close()

    async def _converse(self, socket: ClientConnection, end: float) -> None:
        reader = asyncio.create_task(self._read(socket))
        try:
            with suppress(ConnectionClosed):
                while time.monotonic() < end and not reader.done():
                    await self._burst(socket)
            await reader if reader.done() else None  # what went wrong in it
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            for sent in self._open.values():
                sent.outcome = Outcome.CLOSED if reader.done() and not reader.cancelled() else Outcome.IGNORED
            self._open.clear()

    async def _burst(self, socket: ClientConnection) -> None:
        """Send some frames without waiting, and wait until each valid one is answered."""
        for _ in range(TOGETHER):
            if self._random.random() < 0.5:
                await self._send_valid(socket)
            else:
                self._odd += 1
                await socket.send(mutated(self._random, self._made("x")))
        # The last one is valid: five in a row that are none would end the connection, which is tried elsewhere.
        await self._send_valid(socket)
        if self._open:
            self._idle.clear()
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._idle.wait()
            except TimeoutError:
                waiting = [sent.payload for sent in self._open.values()]
                raise AssertionError(f"{self.charger.identity}: no answer to {waiting}") from None

    async def _send_valid(self, socket: ClientConnection) -> None:
        made = self._again() if self._sent and self._random.random() < 0.05 else self._made("v")
        if made.message_id in self._open:
            return
        sent = Sent(made.action, made.payload, made.message_id, self.ledger.connections)
        self.ledger.sent.append(sent)
        self._open[made.message_id] = sent
        self._sent = [*self._sent[-20:], made]
        await socket.send(made.text)

    def _made(self, kind: str) -> Made:
        """Return a new CALL; most of its tags and transactions exist."""
        made = call(self._random, next(self._numbers))
        payload = made.payload
        if "idTag" in payload and self._random.random() < 0.8:
            payload["idTag"] = self._random.choice(self._tags)
        if "transactionId" in payload and self._random.random() < 0.9:
            payload["transactionId"] = self._random.choice(self.transactions[-20:])
        message_id = f"{kind}{made.message_id}"
        text = json.dumps([CALL, message_id, made.action, payload], ensure_ascii=False)
        return Made(text, message_id, made.action, payload)

    def _again(self) -> Made:
        """Return an earlier CALL, under its own id or a new one."""
        made = self._random.choice(self._sent)
        if self._random.random() < 0.5:
            return made
        message_id = f"r{next(self._numbers)}"
        text = json.dumps([CALL, message_id, made.action, made.payload], ensure_ascii=False)
        return Made(text, message_id, made.action, made.payload)

    # -- What comes --------------------------------------------------------------------------------

    async def _read(self, socket: ClientConnection) -> None:
        """Take what comes until the socket closes; its code is noted."""
        try:
            async for text in socket:
                frame = json.loads(text)
                if frame[0] == CALL:
                    await self._obey(socket, frame)
                else:
                    self._take(frame, str(text))
        except ConnectionClosed:
            pass  # the code is noted below
        self.ledger.close_codes[socket.close_code or 0] += 1
        self._idle.set()

    def _take(self, frame: list[Any], text: str) -> None:
        sent = self._open.pop(frame[1], None)
        if sent is None:
            self._odd -= 1
            if self._odd < 0:
                self.ledger.strays.append(text)
            return
        sent.outcome = Outcome.ANSWERED if frame[0] == CALL_RESULT else Outcome.REFUSED
        sent.answer = frame[2] if frame[0] == CALL_RESULT else frame[2:]
        if sent.action == "StartTransaction" and frame[0] == CALL_RESULT:
            self.transactions.append(frame[2]["transactionId"])
        if not self._open:
            self._idle.set()

    async def _obey(self, socket: ClientConnection, frame: list[Any]) -> None:
        """Answer a command with anything, and then so that it ends."""
        _, message_id, action, _ = frame
        self.commands[message_id] += 1
        valid = json.dumps([CALL_RESULT, message_id, response_maker(action)(self._random)])
        kind = self._random.random()
        if kind < 0.3:
            self._odd += 1
            await socket.send(mutated(self._random, Made(valid, message_id, action, {})))
        elif kind < 0.4:
            await socket.send(json.dumps([CALL_ERROR, message_id, "InternalError", "x" * 300, {"a.b": {"$c": 1}}]))
        await socket.send(valid)
