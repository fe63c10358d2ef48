"""An instance that does not answer is waited for once, and heard again as soon as it speaks."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable

import pytest
from channels_redis.core import RedisChannelLayer

from csms.redis import channel_layer_host
from ocpp_gateway.layer_mailbox import ACKNOWLEDGE_SECONDS, LayerMailbox
from ocpp_gateway.mailbox import Letter

DEADLINE = 10.0


@pytest.fixture
async def mailbox() -> AsyncIterator[Callable[[], LayerMailbox]]:
    """Makes mailboxes that share letters with nobody else."""
    layers: list[RedisChannelLayer] = []
    prefix = f"test-{secrets.token_hex(4)}:"

    def made() -> LayerMailbox:
        layers.append(RedisChannelLayer(hosts=[channel_layer_host()], prefix=prefix, expiry=10))
        return LayerMailbox(layers[-1])

    yield made
    for layer in layers:
        await layer.close_pools()


class Inbox:
    """Keeps letters."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self._came = asyncio.Event()

    async def take(self, letter: Letter) -> None:
        self.letters.append(letter)
        self._came.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(DEADLINE):
            while len(self.letters) < count:
                self._came.clear()
                await self._came.wait()


async def test_only_the_first_who_writes_to_it_waits(mailbox: Callable[[], LayerMailbox]) -> None:
    one, two, own, inbox = mailbox(), mailbox(), Inbox(), Inbox()
    await one.open("one", own.take)
    assert await one.send("two", {"number": 0}) is False
    begin = time.monotonic()
    assert [await one.send("two", {"number": number}) for number in range(1, 20)] == [False] * 19
    assert time.monotonic() - begin < ACKNOWLEDGE_SECONDS

    # It was only slow: everything is there, and its acknowledgements tell that it lives.
    await two.open("two", inbox.take)
    await inbox.until(20)
    assert [letter["number"] for letter in inbox.letters] == list(range(20))
    assert await two.send("one", {"number": 20}) is True
    assert await one.send("two", {"number": 21}) is True
    for name, box in (("one", one), ("two", two)):
        await box.close(name)
