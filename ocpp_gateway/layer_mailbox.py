"""The mailbox between instances, over a channel layer in Redis: one channel per process, each letter acknowledged.

The layer itself delivers at most once. So a letter carries the sender's channel and a number, and the receiver
acknowledges it when it has taken it; one without an acknowledgement is taken as not delivered. A letter that nobody
waits for has no number.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from typing import Any, Protocol

import structlog
from channels.exceptions import ChannelFull
from redis.exceptions import RedisError

from csms.lifecycle import background
from ocpp_gateway.mailbox import Letter, MailboxFull, Receiver

# Without an acknowledgement for this long, the instance is taken for gone.
ACKNOWLEDGE_SECONDS = 2.0
_RETRY_SECONDS = 1.0

log = structlog.get_logger(__name__)


def channel_of(instance: str) -> str:
    """Return the channel of an instance; a digest, because a layer's names allow few characters."""
    return "gateway." + hashlib.blake2b(instance.encode("utf-8"), digest_size=12).hexdigest()


class Layer(Protocol):
    """What a mailbox needs of a channel layer."""

    async def send(self, channel: str, message: dict[str, Any]) -> None: ...

    async def receive(self, channel: str) -> dict[str, Any]: ...


class LayerMailbox:
    """Implements `Mailbox` for one instance."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self._channel = ""
        self._receiving: asyncio.Task[Any] | None = None
        self._unacknowledged: dict[str, asyncio.Future[bool]] = {}
        # The channels of instances that have let a letter go unacknowledged: nobody waits for them until they speak.
        self._silent: set[str] = set()

    async def open(self, instance: str, receiver: Receiver) -> None:
        self._channel = channel_of(instance)
        self._receiving = background(self._receive(receiver), "mailbox")

    async def send(self, instance: str, letter: Letter) -> bool:
        channel, number = channel_of(instance), secrets.token_hex(8)
        taken: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._unacknowledged[number] = taken
        try:
            async with asyncio.timeout(ACKNOWLEDGE_SECONDS):
                await self._layer.send(channel, self._message(number, letter))
                return channel not in self._silent and await taken
        except ChannelFull:
            raise MailboxFull(instance) from None
        except TimeoutError:
            self._silent.add(channel)
            return False
        finally:
            del self._unacknowledged[number]

    async def tell(self, instance: str, letter: Letter) -> None:
        try:
            await self._layer.send(channel_of(instance), self._message("", letter))
        except ChannelFull:
            raise MailboxFull(instance) from None

    def _message(self, number: str, letter: Letter) -> dict[str, Any]:
        """Return a letter as the layer carries it; with an empty number, nobody waits for an acknowledgement."""
        return {"type": "letter", "reply_to": self._channel, "number": number, "letter": letter}

    async def close(self, instance: str) -> None:
        if self._receiving is not None:
            self._receiving.cancel()

    async def _receive(self, receiver: Receiver) -> None:
        while True:
            try:
                self._received(receiver, await self._layer.receive(self._channel))
            except (RedisError, OSError) as error:
                log.warning("mailbox_unavailable", error=str(error), retry_in=_RETRY_SECONDS)
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception:
                # What somebody else has put into Redis must not make this instance deaf.
                log.exception("letter_not_read")
                await asyncio.sleep(_RETRY_SECONDS)

    def _received(self, receiver: Receiver, message: dict[str, Any]) -> None:
        self._silent.discard(message["reply_to"])
        if message["type"] == "acknowledgement":
            self._acknowledged(message["number"])
        else:
            background(self._take(receiver, message), "letter")

    def _acknowledged(self, number: str) -> None:
        waiting = self._unacknowledged.get(number)
        if waiting is not None and not waiting.done():
            waiting.set_result(True)

    async def _take(self, receiver: Receiver, message: dict[str, Any]) -> None:
        await receiver(message["letter"])
        if not message["number"]:
            return
        acknowledgement = {"type": "acknowledgement", "reply_to": self._channel, "number": message["number"]}
        try:
            await self._layer.send(message["reply_to"], acknowledgement)
        except (RedisError, OSError, ChannelFull) as error:
            log.warning("letter_not_acknowledged", error=str(error))
