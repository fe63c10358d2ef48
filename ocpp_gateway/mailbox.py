"""Messages from instance to instance: who needs a station's socket asks the instance that holds it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

Letter = dict[str, Any]
Receiver = Callable[[Letter], Awaitable[None]]


class MailboxFull(Exception):
    """An instance has more letters waiting than it can take."""


class Mailbox(Protocol):
    """What every implementation promises; the contract test in `tests/gateway` runs against each of them."""

    async def open(self, instance: str, receiver: Receiver) -> None:
        """Begin to hand this instance's letters to `receiver` as they come; it must not keep them waiting."""
        ...

    async def send(self, instance: str, letter: Letter) -> bool:
        """Return whether the instance has taken the letter; False means that it is not there.

        Raises:
            MailboxFull: the instance is there but does not keep up.
        """
        ...

    async def tell(self, instance: str, letter: Letter) -> None:
        """Send a letter that nobody waits for, and that may be lost.

        Raises:
            MailboxFull: the instance is there but does not keep up.
        """
        ...

    async def close(self, instance: str) -> None:
        """Stop taking letters for this instance."""
        ...


class MemoryMailbox:
    """The mailbox of a single process, for `REDIS_DISTRIBUTED_STATE=false`."""

    def __init__(self) -> None:
        self._receivers: dict[str, Receiver] = {}

    async def open(self, instance: str, receiver: Receiver) -> None:
        self._receivers[instance] = receiver

    async def send(self, instance: str, letter: Letter) -> bool:
        receiver = self._receivers.get(instance)
        if receiver is None:
            return False
        await receiver(letter)
        return True

    async def tell(self, instance: str, letter: Letter) -> None:
        await self.send(instance, letter)

    async def close(self, instance: str) -> None:
        self._receivers.pop(instance, None)
