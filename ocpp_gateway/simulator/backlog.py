"""Transaction messages on their way: kept in order while offline, retried as OCPP 1.6 §3.7.1 asks."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from ocpp_gateway.simulator.configuration import Configuration
from ocpp_gateway.simulator.wire import CallRefused, CallTimeout, Payload, new_message_id

_KEPT = 5  # of the messages that were given up

Call = Callable[[str, Payload, str], Awaitable[Payload]]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(slots=True)
class Transaction:
    """A transaction as the station knows it; `id` stays -1 until the central system has given one."""

    id: int = -1
    status: str = ""  # of the id tag, in the answer to StartTransaction
    ended: bool = False  # StopTransaction was answered, or given up
    on_end: Callable[[], None] = lambda: None


@dataclass(slots=True)
class TransactionMessage:
    """StartTransaction, MeterValues or StopTransaction; a retry carries the same id and the same payload."""

    action: str
    payload: Payload
    transaction: Transaction
    message_id: str = field(default_factory=new_message_id)
    attempts: int = 0

    def ready_payload(self) -> Payload:
        """Return the payload with the transaction's id, which may only have come after it was queued."""
        if self.action == "StartTransaction":
            return self.payload
        return self.payload | {"transactionId": self.transaction.id}

    def settle(self, answer: Payload | None) -> None:
        """Take in the answer, or None when the message was given up."""
        if self.action == "StopTransaction":
            self.transaction.ended = True
            self.transaction.on_end()
        if self.action == "StartTransaction" and answer is not None:
            self.transaction.id = int(answer["transactionId"])
            self.transaction.status = str(answer["idTagInfo"]["status"])


class Backlog:
    """A queue that only moves while `deliver` runs, and loses nothing when that is cancelled."""

    def __init__(self, configuration: Configuration) -> None:
        self._messages: deque[TransactionMessage] = deque()
        self._filled = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._configuration = configuration
        self.delivered = 0
        self.given_up: deque[str] = deque(maxlen=_KEPT)

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, action: str, payload: dict[str, Any], transaction: Transaction) -> None:
        """Queue a message; it goes out after all that were queued before it."""
        self._messages.append(TransactionMessage(action, payload, transaction))
        self._filled.set()
        self._empty.clear()

    async def drained(self) -> None:
        """Return once nothing is queued or under way."""
        await self._empty.wait()

    async def deliver(self, call: Call, sleep: Sleep) -> None:
        """Send message after message until cancelled; raises Offline when the connection breaks."""
        while True:
            await self._filled.wait()
            message = self._messages[0]
            try:
                answer = await call(message.action, message.ready_payload(), message.message_id)
            except (CallRefused, CallTimeout) as error:
                if not self._give_up(message, error):
                    interval = self._configuration.integer("TransactionMessageRetryInterval")
                    await sleep(interval * message.attempts)
                    continue
            else:
                self.delivered += 1
                message.settle(answer)
            self._drop_first()

    def _give_up(self, message: TransactionMessage, error: Exception) -> bool:
        message.attempts += 1
        if message.attempts < self._configuration.integer("TransactionMessageAttempts"):
            return False
        self.given_up.append(f"{message.action}: {error}")
        message.settle(None)
        return True

    def _drop_first(self) -> None:
        self._messages.popleft()
        if not self._messages:
            self._filled.clear()
            self._empty.set()
